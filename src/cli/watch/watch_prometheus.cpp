#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/prometheus_answer.hpp"

#include "watch_sources.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <functional>
#include <utility>

namespace oa_stream::cli {

namespace {

namespace prometheus = measure::prometheus;

std::string bad_class() {
    return fmt::format(R"(class=~"{}")", fmt::join(bad_classes(), "|"));
}
/// Requests that start turns, by their routes' names.
constexpr std::string_view k_turns =
    R"(method="POST",route=~"/api/chat|/api/chat/stream|/api/chats/.*/stream|/v1/chat/completions")";

double now_s() {
    return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

std::string days(Millis time) {
    constexpr Millis k_day{86'400'000};
    return time % k_day == Millis(0) ? fmt::format("{}d", time / k_day) : format_duration(time);
}

std::string url_encoded(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        out += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
    }
    return out;
}

class Prometheus final : public WatchedSource {
public:
    Prometheus(net::HttpClient& client, WatchedPrometheus options, const WatchTiming& timing)
        : client_(client), options_(std::move(options)), timing_(timing) {}

    [[nodiscard]] Task<void> ask() override {
        WatchNumbers numbers;
        numbers.window_s = std::chrono::duration<double>(timing_.window).count();
        numbers.budget_window = days(options_.budget_window);
        std::string trouble = co_await read(&numbers);
        reachable_ = trouble.empty();
        if (reachable_) {
            numbers_ = std::move(numbers);
            read_at_s_ = now_s();
            any_ = true;
            state_ = down_ > 0 ? fmt::format("{:.0f} targets are down", down_) : "answers";
        } else {
            state_ = std::move(trouble);
        }
        ++asked;
    }

    [[nodiscard]] WatchSource state() const override {
        WatchSource out;
        out.name = options_.url;
        out.state = state_;
        out.reachable = reachable_;
        out.ready = down_ <= 0;
        out.revision = revisions_;
        if (any_ && data_age_s_) {
            out.age_s = *data_age_s_ + now_s() - read_at_s_;
        }
        return out;
    }

    void add_to(WatchNumbers& numbers) const override {
        if (any_) {
            numbers = numbers_;
        }
    }

private:
    using Take = std::function<void(const prometheus::Series&, double value)>;

    [[nodiscard]] std::string selector(std::string_view name, std::string_view more = {}) const {
        std::string inside(more);
        if (!options_.matchers.empty()) {
            inside += (inside.empty() ? "" : ",") + options_.matchers;
        }
        return fmt::format("oa_stream_{}{{{}}}", name, inside);
    }
    /// Two Prometheuses behind one address count the same things: neither of them twice.
    static std::string once(std::string_view vector) {
        return fmt::format("{} ({})", prometheus::without_replicas(), vector);
    }
    [[nodiscard]] std::string
    rose(std::string_view by, std::string_view name, std::string_view more = {}) const {
        const auto seconds = timing_.window.count() / 1000;
        return fmt::format(
            "sum by ({}) ({})",
            by,
            once(fmt::format("increase({}[{}s])", selector(name, more), seconds))
        );
    }
    [[nodiscard]] std::string
    over_budget(std::string_view by, std::string_view name, std::string_view more) const {
        const auto seconds = options_.budget_window.count() / 1000;
        return fmt::format(
            "sum by ({}) ({})",
            by,
            once(fmt::format("increase({}[{}s])", selector(name, more), seconds))
        );
    }

    /// "" or why there are no numbers. Values that are no numbers are left out: missing.
    [[nodiscard]] Task<std::string> query(std::string text, Take take) {
        net::ClientRequest request;
        request.url = options_.url + "/api/v1/query?query=" + url_encoded(text);
        request.bearer = options_.bearer;
        request.headers.set("user-agent", "oa-stream-watch");
        request.connect_timeout = timing_.patience;
        request.first_byte_timeout = timing_.patience;
        request.idle_timeout = timing_.patience;
        request.total_timeout = timing_.patience;
        request.max_body = prometheus::Limits{}.bytes;
        const net::ClientResponse answer = co_await client_.fetch(std::move(request));
        if (answer.failure != net::TransferFailure::none) {
            co_return fmt::format("unreachable: {}", net::to_string(answer.failure));
        }
        const auto parsed =
            prometheus::parse_answer(answer.status, answer.body, prometheus::ResultType::vector);
        if (!parsed) {
            co_return "unreadable: " + printable(parsed.error().text(), 80);
        }
        if (!parsed->warnings.empty()) {
            co_return "warns: " + printable(parsed->warnings.front(), 80);
        }
        for (const prometheus::Series& series : parsed->series) {
            if (!series.points.empty() && std::isfinite(series.points.front().value)) {
                take(series, series.points.front().value);
            }
        }
        co_return std::string();
    }

    [[nodiscard]] static Take into(std::optional<double>* to) {
        return [to](const prometheus::Series&, double value) { *to = to->value_or(0) + value; };
    }
    [[nodiscard]] static Take by_label(std::map<std::string, double>* to, std::string_view label) {
        return [to, label](const prometheus::Series& series, double value) {
            (*to)[std::string(series.label(label))] = value;
        };
    }

    struct Asked {
        std::string query;
        Take take;
    };

    [[nodiscard]] std::vector<Asked> traffic(WatchNumbers* n) const {
        std::vector<Asked> all;
        all.push_back(
            {rose("route,method,status", "http_requests_total"),
             [n](const prometheus::Series& series, double value) {
                 RouteNumbers& route = n->routes[std::string(series.label("route"))];
                 const std::string_view status = series.label("status");
                 route.requests = route.requests.value_or(0) + value;
                 if (!status.empty()) {
                     const double failed = status.starts_with('5') ? value : 0;
                     route.errors_5xx = route.errors_5xx.value_or(0) + failed;
                 }
             }}
        );
        all.push_back(
            {rose("status", "http_requests_total", k_turns),
             [n](const prometheus::Series& series, double value) {
                 n->turn_requests = n->turn_requests.value_or(0) + value;
                 if (series.label("status").starts_with('5')) {
                     n->turn_5xx = n->turn_5xx.value_or(0) + value;
                 }
             }}
        );
        all.push_back(
            {rose("route", "bridge_accepted_total"),
             [n](const prometheus::Series& series, double value) {
                 RouteNumbers& route = n->routes[std::string(series.label("route"))];
                 route.accepted = value;
                 route.starts_turns = true;
             }}
        );
        all.push_back(
            {rose("route,le", "first_content_seconds_bucket"),
             [n](const prometheus::Series& series, double value) {
                 const auto le = prometheus::parse_value(series.label("le"));
                 if (le) {
                     n->routes[std::string(series.label("route"))].first_content.push_back(
                         {*le, value}
                     );
                 }
             }}
        );
        return all;
    }

    [[nodiscard]] std::vector<Asked> rest(WatchNumbers* n) {
        std::vector<Asked> all;
        all.push_back({rose("class", "terminal_total"), by_label(&n->terminals, "class")});
        all.push_back({rose("code", "compat_rejected_total"), by_label(&n->compat, "code")});
        all.push_back({rose("", "empty_turns_total"), into(&n->empty_turns)});
        all.push_back({fmt::format("sum({})", once(selector("active_streams"))), into(&n->active)});
        // Told parts are crossed off.
        n->budget_untold = {"requests", "5xx answers"};
        n->budget_untold.insert(bad_classes().begin(), bad_classes().end());
        all.push_back(
            {over_budget("", "http_requests_total", k_turns),
             [n](const prometheus::Series&, double value) {
                 n->budget_total = value;
                 n->budget_untold.erase("requests");
             }}
        );
        all.push_back(
            {over_budget("", "http_requests_total", std::string(k_turns) + R"(,status=~"5..")"),
             [n](const prometheus::Series&, double value) {
                 n->budget_bad = n->budget_bad.value_or(0) + value;
                 n->budget_untold.erase("5xx answers");
             }}
        );
        all.push_back(
            {over_budget("class", "terminal_total", bad_class()),
             [n](const prometheus::Series& series, double value) {
                 n->budget_bad = n->budget_bad.value_or(0) + value;
                 n->budget_untold.erase(std::string(series.label("class")));
             }}
        );
        return all;
    }

    /// What the window's limits are judged by, and is not there.
    static void find_untold(WatchNumbers& n) {
        if (!n.turn_requests) {
            n.untold.emplace("requests");
        }
        if (!n.turn_5xx) {
            n.untold.emplace("5xx answers");
        }
        for (const std::string_view word : bad_classes()) {
            if (!n.terminals.contains(std::string(word))) {
                n.untold.emplace(word);
            }
        }
        if (all_first_content(n).empty()) {
            n.untold.emplace("times of the first content");
        }
    }

    [[nodiscard]] Task<std::string> read(WatchNumbers* n) {
        auto all = traffic(n);
        for (Asked& more : rest(n)) {
            all.push_back(std::move(more));
        }
        // The oldest target speaks for the age: a dead one keeps a healthy-looking rate for long.
        std::optional<double> age;
        std::optional<double> down;
        std::string revisions;
        all.push_back(
            {"time() - min(max by (instance) (timestamp(" + selector("active_streams") + ")))",
             into(&age)}
        );
        // Series of a target that is down vanish with its first failed scrape.
        all.push_back(
            {fmt::format(
                 "count({} == 0 and on (job, instance) max by (job, instance) "
                 "(last_over_time({}[10m])))",
                 once("up"),
                 selector("build_info")
             ),
             into(&down)}
        );
        all.push_back(
            {"count by (revision) (" + selector("build_info") + ")",
             [&revisions](const prometheus::Series& series, double) {
                 revisions +=
                     (revisions.empty() ? "" : ", ") + std::string(series.label("revision"));
             }}
        );
        for (Asked& asked : all) {
            std::string trouble = co_await query(std::move(asked.query), std::move(asked.take));
            if (!trouble.empty()) {
                co_return trouble;
            }
        }
        revisions_ = std::move(revisions);
        for (auto& [name, route] : n->routes) {
            route.first_content = measure::tidy(route.first_content);
        }
        find_untold(*n);
        down_ = down.value_or(0);
        data_age_s_ = age;
        if (!age) {
            co_return std::string("knows no lane: no oa_stream_active_streams");
        }
        co_return std::string();
    }

    net::HttpClient& client_;
    WatchedPrometheus options_;
    WatchTiming timing_;
    WatchNumbers numbers_{};
    std::optional<double> data_age_s_{};
    std::string revisions_{};
    std::string state_ = "not asked yet";
    double read_at_s_ = 0;
    double down_ = 0;
    bool any_ = false;
    bool reachable_ = false;
};

} // namespace

std::unique_ptr<WatchedSource>
watched_prometheus(net::HttpClient& client, WatchedPrometheus options, const WatchTiming& timing) {
    return std::make_unique<Prometheus>(client, std::move(options), timing);
}

} // namespace oa_stream::cli
