#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"
#include "oa_stream/measure/exposition.hpp"
#include "oa_stream/measure/processes.hpp"
#include "oa_stream/net/reach_advice.hpp"

#include "watch_sources.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace oa_stream::cli {

namespace {

constexpr std::size_t k_largest_answer = 8U << 20U;
/// Scrapes at the first look: with an equal share of the traffic another instance answers at least
/// one of them in 99.6 % of cases.
constexpr std::size_t k_first_scrapes = 8;
constexpr std::size_t k_most_scrapes = 64; ///< for one look

class WatchedLane final : public WatchedSource {
public:
    WatchedLane(
        net::HttpClient& client,
        probe::Target target,
        const WatchTiming& timing,
        net::TokenSource token
    )
        : client_(client), target_(std::move(target)), timing_(timing), token_(std::move(token)),
          processes_(seconds(timing.window)) {}

    [[nodiscard]] Task<void> ask() override {
        // Until this look ends, the screen uses the result of the last one.
        Asked now;
        const std::size_t scrapes = scrapes_of_look();
        for (; now.tried < scrapes && (now.tried == 0 || now.reachable);) {
            const net::ClientResponse metrics = co_await get("/metrics");
            ++now.tried;
            take_metrics(metrics, now);
        }
        if (now.reachable) { // if nothing answers, the last numbers stay
            forget();
            now = co_await look_at_readiness(std::move(now));
        }
        last_ = std::move(now);
        ++asked;
    }

    [[nodiscard]] WatchSource state() const override {
        WatchSource out;
        out.name = target_.base_url;
        out.state = last_.state;
        out.reachable = last_.reachable;
        out.answered = last_.answered;
        out.ready = last_.ready;
        out.unsure = unsure();
        out.refused = last_.refused;
        std::set<std::string> revisions;
        for (const measure::ScrapedProcess& one : processes_.all()) {
            out.age_s = std::min(out.age_s.value_or(INFINITY), now_s() - one.last_at_s);
            revisions.insert(one.revision);
        }
        out.revision = fmt::format("{}", fmt::join(revisions, ", "));
        return out;
    }

    [[nodiscard]] std::vector<measure::LanePart> parts() const override {
        std::vector<measure::LanePart> out;
        for (const measure::ScrapedProcess& one : processes_.all()) {
            const measure::SeriesMap rose = one.counters.rose();
            const bool lost = one.last_at_s < lost_before();
            out.push_back(
                {.name = one.id,
                 .revision = one.revision,
                 .state = lost        ? std::string(k_lost)
                          : one.ready ? "ready"
                                      : "not ready",
                 .address = target_.base_url,
                 .numbers =
                     {.rose = rose,
                      .budget = one.counters.last(),
                      .now = one.counters.last(),
                      .window_s = one.counters.covered_s(),
                      .budget_window = "since its start"},
                 .faults = {}}
            );
            // A lost process' last report is not a fault of the lane that replaced it.
            if (!lost) {
                out.back().faults = measure::service_faults(one.id, one.counters.last(), rose);
            }
        }
        return out;
    }

private:
    /// The result of one look.
    struct Asked {
        std::size_t tried = 0; ///< number of scrapes
        std::size_t failed = 0;
        std::string trouble{}; ///< error of the last one that failed
        std::string state = "not asked yet";
        bool reachable = false; ///< at least one of them had numbers
        bool answered = false;
        bool ready = true;
        bool refused = false;
    };

    /// Behind a balancer each request may reach another instance. More requests than instances are
    /// made, and an odd number: with strict rotation each look would otherwise reach the same one.
    [[nodiscard]] std::size_t scrapes_of_look() const {
        const std::size_t alive = processes_.answered_since(lost_before());
        if (alive == 0) {
            return k_first_scrapes;
        }
        const std::size_t known = std::max(alive, timing_.instances);
        return known > 1 ? std::min(known + 1, k_most_scrapes) : 1;
    }
    [[nodiscard]] double lost_before() const { return now_s() - seconds(timing_.stale_after); }

    [[nodiscard]] Task<net::ClientResponse> get(std::string path) {
        net::ClientRequest request = probe::plain_request(target_, path);
        request.fresh_connection = true; // a pooled connection stays with one instance
        request.headers.set("user-agent", "oa-stream-watch");
        request.connect_timeout = timing_.patience;
        request.first_byte_timeout = timing_.patience;
        request.idle_timeout = timing_.patience;
        request.total_timeout = timing_.patience;
        request.max_body = k_largest_answer;
        if (token_) {
            auto token = co_await token_(refused_);
            if (!token && refused_) { // keeps the last token, which may be accepted again
                token = co_await token_(false);
            }
            if (token) {
                request.bearer = *std::move(token);
            }
        }
        net::ClientResponse answer = co_await client_.fetch(std::move(request));
        refused_ = answer.status == 401;
        co_return answer;
    }

    static std::string reason_of(const net::ClientResponse& answer) {
        const auto json = parse_json(answer.body);
        return json ? printable(string_member(*json, "reason").value_or(""), 60) : std::string();
    }
    static std::string why_not(const net::ClientResponse& answer) {
        const std::string reason = reason_of(answer);
        return !reason.empty() ? reason
               : answer.status ? fmt::format("HTTP {}", answer.status)
                               : std::string(net::to_string(answer.failure));
    }
    /// A lane that is switched off is ready: it answers its users, but begins no turns.
    static std::string state_of(const net::ClientResponse& answer, bool ready) {
        const std::string reason = ready ? reason_of(answer) : why_not(answer);
        return fmt::format(
            "{}{}{}", ready ? "ready" : "not ready", reason.empty() ? "" : ": ", reason
        );
    }

    /// A single lane reports why it is not ready; of several, each reports its state with its
    /// numbers.
    [[nodiscard]] Task<Asked> look_at_readiness(Asked now) {
        const auto& all = processes_.all();
        if (all.size() == 1) {
            const net::ClientResponse answer = co_await get("/readyz");
            now.ready = answer.status == 200;
            now.state = state_of(answer, now.ready);
            co_return now;
        }
        std::vector<std::string> unready;
        for (const measure::ScrapedProcess& one : all) {
            if (!one.ready && one.last_at_s >= lost_before()) {
                unready.push_back(fmt::format("{} ({})", one.id, one.revision));
            }
        }
        const std::size_t alive = processes_.answered_since(lost_before());
        now.ready = unready.empty();
        now.state = now.ready ? counted(alive, "instance") + " ready"
                              : fmt::format(
                                    "{} of {} instances not ready: {}",
                                    unready.size(),
                                    alive,
                                    fmt::join(unready, ", ")
                                );
        co_return now;
    }

    /// Why some users' requests may be missing from the numbers.
    [[nodiscard]] std::string unsure() const {
        std::vector<std::string> why;
        if (last_.failed > 0) {
            why.push_back(
                fmt::format("{} of {} scrapes failed: {}", last_.failed, last_.tried, last_.trouble)
            );
        }
        if (!processes_.distinguished()) {
            why.emplace_back("no process id: an older lane, or several that cannot be distinguished"
            );
        }
        const std::size_t alive = processes_.answered_since(lost_before());
        if (alive < timing_.instances) {
            why.push_back(fmt::format("{} of {} instances answered", alive, timing_.instances));
        }
        for (const measure::ScrapedProcess* one : processes_.lost_since(lost_before())) {
            why.push_back(fmt::format(
                "instance {} ({}) answered last {:.0f}s ago",
                one->id,
                one->revision,
                now_s() - one->last_at_s
            ));
        }
        return fmt::format("{}", fmt::join(why, "; "));
    }

    void forget() {
        processes_.forget_before(std::min(lost_before(), now_s() - seconds(timing_.window)));
    }

    void take_metrics(const net::ClientResponse& answer, Asked& now) {
        std::string trouble;
        now.answered = answer.status != 0;
        now.refused = refuses_credential(answer.status);
        if (answer.failure != net::TransferFailure::none) {
            // Its line is short, and the last line of the screen names the address to check.
            const bool spoken = answer.failure == net::TransferFailure::tls;
            trouble = fmt::format(
                "unreachable: {}{}",
                net::to_string(answer.failure),
                spoken ? net::reach_advice(answer) : ""
            );
        } else if (answer.status != 200) {
            trouble = fmt::format("unreadable: /metrics is HTTP {}", answer.status);
            trouble += answer.status == 404 ? base_path_advice(target_.base_url) : "";
        } else if (auto scrape = measure::parse_exposition(answer.body); !scrape) {
            trouble = "unreadable: " + printable(scrape.error().text(), 80);
        } else {
            now.reachable = true;
            const std::string changed = processes_.add(
                measure::merged_series(*std::move(scrape), timing_.include_probes),
                now_s(),
                unix_seconds(std::chrono::system_clock::now())
            );
            news = changed.empty() ? news : target_.base_url + " " + changed;
            return;
        }
        ++now.failed;
        now.trouble = trouble;
        now.state = std::move(trouble);
    }

    net::HttpClient& client_;
    probe::Target target_;
    WatchTiming timing_;
    net::TokenSource token_;
    bool refused_ = false; ///< the last token was refused
    measure::Processes processes_;
    Asked last_{};
};

} // namespace

std::unique_ptr<WatchedSource> watched_lane(
    net::HttpClient& client, probe::Target target, const WatchTiming& timing, net::TokenSource token
) {
    return std::make_unique<WatchedLane>(client, std::move(target), timing, std::move(token));
}

} // namespace oa_stream::cli
