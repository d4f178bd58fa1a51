#include "watch_args.hpp"

#include "oa_stream/base/option_names.hpp"
#include "oa_stream/net/token_source.hpp"
#include "oa_stream/probe/given_headers.hpp"

#include "core/globals.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>

namespace oa_stream::cli {

namespace {

constexpr std::size_t k_most_lanes = 32;

Result<void> add_sources(const WatchOptions& options, WatchAsked& out) {
    if (options.base_urls.empty() == !options.prometheus.has_value()) {
        return fail(
            Code::usage,
            options.prometheus ? "name either lanes or a Prometheus, not both"
                               : "name a lane or a Prometheus",
            names::base_url,
            Suggestion{"watch", {names::base_url, "http://127.0.0.1:8080"}}
        );
    }
    if (options.base_urls.size() > k_most_lanes) {
        return fail(Code::usage, "more than 32 lanes: ask a Prometheus", names::base_url);
    }
    for (const std::string& url : options.base_urls) {
        probe::Target lane;
        for (const std::string& header : options.headers) {
            OA_CHECK(probe::add_header(lane, header));
        }
        lane.base_url = url;
        lane.bearer = options.auth.first;
        lane.ca_file = options.ca;
        out.lanes.push_back(std::move(lane));
    }
    if (options.user.empty()) {
        out.token = options.auth;
    }
    if (!options.user.empty() && !options.prometheus) {
        return fail(
            Code::usage, "a name to log in with is for Prometheus", {}, "lanes take bearer tokens"
        );
    }
    if (options.prometheus) {
        WatchedPrometheus watched;
        watched.prometheus.url = *options.prometheus;
        watched.prometheus.user = options.user;
        (options.user.empty() ? watched.prometheus.bearer : watched.prometheus.password) =
            options.auth.first;
        watched.prometheus.ca_file = options.ca;
        OA_TRY(probe::GivenHeaders read, probe::read_headers(options.headers));
        watched.prometheus.headers = std::move(read.values);
        watched.prometheus.hidden = std::move(read.hidden);
        watched.prometheus.matchers = options.matchers;
        watched.budget_window = options.budget_window;
        OA_CHECK(measure::check(watched.prometheus));
        out.prometheus = std::move(watched);
    }
    return {};
}

Result<void> set_timing(const WatchOptions& options, WatchAsked& out) {
    // A Prometheus needs several scrapes within the window.
    const Millis usual_window(out.prometheus ? 5 * 60'000 : 60'000);
    const Millis usual_stale(out.prometheus ? 90'000 : 15'000);
    out.timing.every = options.every;
    out.timing.window = options.window.value_or(usual_window);
    if (out.timing.window < out.timing.every) {
        return fail(Code::usage, "shorter than the time between two looks", names::window);
    }
    const Millis stale = options.stale_after.value_or(usual_stale);
    out.limits.stale_after_s = seconds(stale);
    constexpr int k_looks = 3; // an instance missed by chance is not lost
    out.timing.stale_after = std::max(stale, k_looks * options.every);
    out.timing.instances = options.instances;
    out.timing.include_probes = options.include_probes;
    if (out.prometheus) {
        out.prometheus->prometheus.include_probes = options.include_probes;
    }
    out.revision = options.revision;
    // A lane answers from memory; a Prometheus under load may compute for seconds.
    out.timing.patience = options.timeout.value_or(
        out.prometheus ? Millis(10'000) : std::clamp(options.every, Millis(1000), Millis(5000))
    );
    out.length = options.length;
    return {};
}

WatchForm form_of(const WatchOptions& options, const Context& context) {
    if (context.json) {
        return WatchForm::document;
    }
    if (options.ndjson) {
        return WatchForm::ndjson;
    }
    if (options.once) {
        return WatchForm::once;
    }
    return context.live && ::isatty(STDOUT_FILENO) == 1 ? WatchForm::screen : WatchForm::lines;
}

/// A lane's rates need two answers. A single look waits until they cover the requested window.
std::uint64_t answers_of(const WatchOptions& options, const WatchAsked& asked) {
    if (!asked.one_look() || asked.prometheus) {
        return 1;
    }
    const auto window = options.window.value_or(options.every);
    return 1 + static_cast<std::uint64_t>((window + options.every - Millis(1)) / options.every);
}

} // namespace

Result<NamedToken> read_named_token(std::string_view reference) {
    OA_TRY(Secret first, net::read_token(reference));
    return NamedToken{std::string(reference), std::move(first)};
}

Result<WatchAsked> complete_watch(const WatchOptions& options, const Context& context) {
    WatchAsked out;
    for (const std::string& url : options.base_urls) {
        OA_CHECK(options.check_files(url, options.ca));
    }
    OA_CHECK(options.check_files(options.prometheus.value_or(""), options.ca));
    OA_CHECK(add_sources(options, out));
    OA_CHECK(set_timing(options, out));
    out.limits.objective = options.objective;
    out.limits.bad_at_most = options.bad_at_most;
    out.limits.p95_at_most_s = seconds(options.p95_at_most);
    out.front_admin = options.front_admin;
    out.form = form_of(options, context);
    out.answers = answers_of(options, out);
    if (options.once && options.ndjson) {
        return fail(
            Code::usage, "both --once and --ndjson were given", names::ndjson, "or --once --json"
        );
    }
    if (options.length && (options.once || context.json)) {
        return fail(
            Code::usage,
            fmt::format("both --for and {} were given", options.once ? names::once : k_json.name),
            std::string(options.once ? names::once : k_json.name),
            fmt::format("to watch for a time, {} prints each look", names::ndjson)
        );
    }
    out.until_bad = options.until.has_value() || options.fail_fast;
    return out;
}

} // namespace oa_stream::cli
