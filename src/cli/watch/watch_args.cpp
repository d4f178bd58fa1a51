#include "watch_args.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/config/units.hpp"
#include "oa_stream/measure/matchers.hpp"

#include "smoke/smoke_args.hpp"

#include <unistd.h>

#include <algorithm>

namespace oa_stream::cli {

namespace {

constexpr std::string_view k_example = "oa-stream watch --base-url http://127.0.0.1:8080";
constexpr Millis k_fastest{200};
constexpr std::size_t k_most_lanes = 32;

std::unexpected<Error> in_option(Error error, std::string option) {
    error.where = std::move(option);
    return std::unexpected(std::move(error));
}

Result<double> percent_of(const Args& args, const std::string& option) {
    auto share = config::read_percent(args.get(option).value_or(""));
    if (!share) {
        return in_option(std::move(share).error(), option);
    }
    return *share;
}

Result<void> read_sources(const Args& args, WatchAsked& out) {
    const auto urls = args.all("--base-url");
    const auto server = args.get("--prometheus");
    if (urls.empty() == !server.has_value()) {
        return fail(
            Code::usage,
            urls.empty() ? "watch what?" : "either lanes or a Prometheus, not both",
            "--base-url",
            std::string(k_example)
        );
    }
    Secret bearer;
    if (const auto reference = args.get("--auth")) {
        OA_TRY(bearer, read_secret(*reference));
    }
    if (urls.size() > k_most_lanes) {
        return fail(Code::usage, "more than 32 lanes: ask a Prometheus", "--base-url");
    }
    for (const std::string& url : urls) {
        probe::Target lane;
        OA_TRY(lane.base_url, parse_base_url(url, "--base-url"));
        lane.bearer = bearer;
        out.lanes.push_back(std::move(lane));
    }
    if (server) {
        WatchedPrometheus watched;
        OA_TRY(watched.prometheus.url, parse_base_url(*server, "--prometheus"));
        watched.prometheus.bearer = bearer;
        watched.prometheus.matchers = args.get("--match").value_or("");
        if (auto matchers = measure::parse_matchers(watched.prometheus.matchers); !matchers) {
            return in_option(std::move(matchers).error(), "--match");
        }
        OA_TRY(watched.budget_window, positive_duration(args, "--budget-window"));
        out.prometheus = std::move(watched);
    }
    return {};
}

Result<void> read_timing(const Args& args, WatchAsked& out) {
    OA_TRY(out.timing.every, positive_duration(args, "--every"));
    OA_TRY(out.timing.window, positive_duration(args, "--window"));
    if (!args.has("--window") && out.prometheus) {
        out.timing.window = Millis(5 * 60'000); // some scrapes must lie within
    }
    if (out.timing.every < k_fastest) {
        return fail(Code::usage, "at most five looks a second", "--every", "--every 200ms");
    }
    if (out.timing.window < out.timing.every || out.timing.window < Millis(1000)) {
        return fail(
            Code::usage, "shorter than a second, or than the time between two looks", "--window"
        );
    }
    OA_TRY(const Millis stale, positive_duration(args, "--stale-after"));
    const Millis least = args.has("--stale-after") || !out.prometheus ? stale : Millis(90'000);
    out.limits.stale_after_s = std::chrono::duration<double>(least).count();
    out.timing.patience = std::clamp(out.timing.every, Millis(1000), Millis(5000));
    if (args.has("--for")) {
        OA_TRY(out.length, positive_duration(args, "--for"));
    }
    return {};
}

Result<void> read_limits(const Args& args, WatchLimits& out) {
    std::string objective = args.get("--objective").value_or("");
    const bool percent = objective.ends_with('%');
    if (percent) {
        objective.pop_back();
    }
    auto share = measure::Fraction::parse(objective);
    if (!share) {
        return in_option(std::move(share).error(), "--objective");
    }
    out.objective = {share->num, percent ? share->den * 100 : share->den};
    if (out.objective.num >= out.objective.den) {
        return fail(Code::usage, "leaves no budget", "--objective", "99.9%");
    }
    OA_TRY(out.bad_at_most, percent_of(args, "--bad-at-most"));
    OA_TRY(const Millis p95, positive_duration(args, "--p95-at-most"));
    out.p95_at_most_s = std::chrono::duration<double>(p95).count();
    return {};
}

WatchForm form_of(const Args& args, const Context& context) {
    if (context.json) {
        return WatchForm::document;
    }
    if (args.has("--ndjson")) {
        return WatchForm::ndjson;
    }
    if (args.has("--once")) {
        return WatchForm::once;
    }
    return context.tty && ::isatty(STDOUT_FILENO) == 1 ? WatchForm::screen : WatchForm::lines;
}

} // namespace

Result<WatchAsked> parse_watch(const Args& args, const Context& context) {
    WatchAsked out;
    OA_CHECK(read_sources(args, out));
    OA_CHECK(read_timing(args, out));
    OA_CHECK(read_limits(args, out.limits));
    out.front_admin = args.get("--front-admin").value_or("");
    out.form = form_of(args, context);
    if (args.has("--once") && args.has("--ndjson")) {
        return fail(Code::usage, "either one look or a stream of them", "--once", "--once --json");
    }
    const auto until = args.get("--until");
    if (until && *until != "bad") {
        return fail(Code::usage, "only bad can be waited for", "--until", "--until bad");
    }
    out.until_bad = until.has_value() || args.has("--fail-fast");
    return out;
}

} // namespace oa_stream::cli
