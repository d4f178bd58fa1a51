#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/exposition.hpp"

#include "watch_sources.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace oa_stream::cli {

namespace {

constexpr std::size_t k_largest_answer = 8U << 20U;

double now_s() {
    return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

class Lane final : public WatchedSource {
public:
    Lane(net::HttpClient& client, probe::Target target, const WatchTiming& timing)
        : client_(client), target_(std::move(target)), timing_(timing),
          counters_(std::chrono::duration<double>(timing.window).count()) {}

    [[nodiscard]] Task<void> ask() override {
        const net::ClientResponse metrics = co_await get("/metrics");
        take_metrics(metrics);
        if (reachable_) {
            const net::ClientResponse ready = co_await get("/readyz");
            ready_ = ready.status == 200;
            state_ = ready_ ? "ready" : "not ready: " + why_not(ready);
        }
        ++asked;
    }

    [[nodiscard]] WatchSource state() const override {
        WatchSource out;
        out.name = target_.base_url;
        out.state = state_;
        out.reachable = reachable_;
        out.ready = ready_;
        if (any_) {
            out.age_s = now_s() - counters_.last_at_s();
            for (const auto& [revision, one] :
                 measure::by_label(counters_.last(), telemetry::metric("build_info"), "revision")) {
                out.revision = revision;
            }
        }
        return out;
    }

    void add_to(WatchNumbers& numbers) const override {
        if (any_) {
            add_lane(
                numbers,
                {.rose = counters_.rose(),
                 .budget = counters_.last(),
                 .now = counters_.last(),
                 .window_s = counters_.covered_s(),
                 .budget_window = "since its start"}
            );
        }
    }

private:
    [[nodiscard]] Task<net::ClientResponse> get(std::string path) {
        net::ClientRequest request;
        request.url = target_.base_url + path;
        request.bearer = target_.bearer;
        request.connect_to = target_.connect_to;
        request.headers.set("user-agent", "oa-stream-watch");
        request.connect_timeout = timing_.patience;
        request.first_byte_timeout = timing_.patience;
        request.idle_timeout = timing_.patience;
        request.total_timeout = timing_.patience;
        request.max_body = k_largest_answer;
        co_return co_await client_.fetch(std::move(request));
    }

    static std::string why_not(const net::ClientResponse& answer) {
        const auto json = parse_json(answer.body);
        const auto reason = json ? string_member(*json, "reason") : std::nullopt;
        return reason          ? printable(*reason, 60)
               : answer.status ? fmt::format("HTTP {}", answer.status)
                               : std::string(net::to_string(answer.failure));
    }

    void take_metrics(const net::ClientResponse& answer) {
        reachable_ = false;
        if (answer.failure != net::TransferFailure::none) {
            state_ = fmt::format("unreachable: {}", net::to_string(answer.failure));
            return;
        }
        if (answer.status != 200) {
            state_ = fmt::format("unreadable: /metrics is HTTP {}", answer.status);
            return;
        }
        auto scrape = measure::parse_exposition(answer.body);
        if (!scrape) {
            state_ = "unreadable: " + printable(scrape.error().text(), 80);
            return;
        }
        reachable_ = true;
        if (counters_.add(*std::move(scrape), now_s())) {
            news = target_.base_url + " began again: its counters fell";
        }
        any_ = true;
    }

    net::HttpClient& client_;
    probe::Target target_;
    WatchTiming timing_;
    measure::CounterWindow counters_;
    bool any_ = false;
    bool reachable_ = false;
    bool ready_ = true;
    std::string state_ = "not asked yet";
};

} // namespace

std::unique_ptr<WatchedSource>
watched_lane(net::HttpClient& client, probe::Target target, const WatchTiming& timing) {
    return std::make_unique<Lane>(client, std::move(target), timing);
}

} // namespace oa_stream::cli
