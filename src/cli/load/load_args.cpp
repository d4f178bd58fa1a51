#include "load_args.hpp"

#include "oa_stream/authority/kind.hpp"
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"

#include "smoke/smoke_args.hpp"

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::cli {

namespace {

constexpr std::uint64_t k_most_users = 100'000;
constexpr std::uint64_t k_most_flights = 1'000'000;
constexpr std::uint64_t k_most_requests = 1'000'000'000;
constexpr std::uint64_t k_most_listed = 10'000'000;
constexpr std::uint64_t k_most_prompts = 100'000;
constexpr std::uint64_t k_most_prompt_bytes = 16U << 20U;
constexpr double k_slowest = 0.01;
constexpr double k_fastest = 100'000;

Result<std::uint64_t>
count(const Args& args, std::string_view option, std::uint64_t low, std::uint64_t high) {
    auto value = parse_count(args.get(option).value_or("0"), low, high);
    if (!value) {
        return std::unexpected(std::move(value).error().prefixed(option));
    }
    return *value;
}

/// "5%" or "0.05" → 0.05
Result<double> share(const Args& args, const std::string& option) {
    std::string text = args.get(option).value_or("0%");
    const bool percent = text.ends_with('%');
    if (percent) {
        text.pop_back();
    }
    const auto value = measure::Fraction::parse(text);
    const double all = percent ? 100 : 1;
    if (!value || value->value() > all) {
        return fail(
            Code::usage, fmt::format("'{}' is no share", printable(text, 40)), option, "5%"
        );
    }
    return value->value() / all;
}

Result<std::vector<std::string>> prompts(const Args& args) {
    std::vector<std::string> out = args.all("--prompt");
    const auto file = args.get("--prompts");
    if (!file) {
        return out;
    }
    OA_TRY(const std::string text, read_file(*file, k_most_prompt_bytes));
    std::string_view rest = text;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        if (const std::string_view line = trim(rest.substr(0, end)); !line.empty()) {
            out.emplace_back(line);
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (out.empty() || out.size() > k_most_prompts) {
        return fail(
            Code::usage,
            fmt::format("{} lines of prompts, expected 1 to {}", out.size(), k_most_prompts),
            "--prompts"
        );
    }
    return out;
}

Result<void> arrivals(const Args& args, probe::LoadOptions& options) {
    if (args.has("--rate") == args.has("--concurrency")) {
        return fail(
            Code::usage,
            "a load needs either --rate or --concurrency",
            {},
            "--rate 50/s for arrivals by the clock, --concurrency 20 for so many users"
        );
    }
    if (const auto rate = args.get("--rate")) {
        OA_TRY(options.per_second, parse_rate(*rate));
    } else {
        OA_TRY(const std::uint64_t users, count(args, "--concurrency", 1, k_most_users));
        options.concurrency = static_cast<unsigned>(users);
    }
    if (args.has("--ramp")) {
        OA_TRY(options.ramp, positive_duration(args, "--ramp"));
    }
    OA_TRY(options.duration, positive_duration(args, "--duration"));
    if (args.has("--requests")) {
        OA_TRY(options.requests, count(args, "--requests", 1, k_most_requests));
    }
    OA_TRY(options.max_in_flight, count(args, "--max-in-flight", 1, k_most_flights));
    OA_TRY(options.drain, positive_duration(args, "--drain"));
    return {};
}

Result<void> readers(const Args& args, probe::LoadOptions& options) {
    OA_TRY(options.slow_share, share(args, "--slow-readers"));
    OA_TRY(options.leaving_share, share(args, "--disconnect"));
    if (options.slow_share + options.leaving_share > 1) {
        return fail(Code::usage, "slow and leaving readers are more than all", "--slow-readers");
    }
    OA_TRY(options.read_pause, positive_duration(args, "--read-pause"));
    OA_TRY(options.stop_at_bad, share(args, "--stop-at-bad"));
    OA_TRY(options.seed, count(args, "--seed", 0, k_most_requests));
    return {};
}

Result<void> limits(const Args& args, LoadArgs& out) {
    for (const std::string& text : args.all("--limit")) {
        OA_TRY(probe::LoadLimit limit, probe::parse_load_limit(text));
        out.limits.push_back(std::move(limit));
    }
    const bool any_bad =
        std::ranges::find(out.limits, "bad", &probe::LoadLimit::what) != out.limits.end();
    if (!any_bad) {
        OA_TRY(probe::LoadLimit limit, probe::parse_load_limit("bad <= 1%"));
        out.limits.push_back(std::move(limit));
    }
    OA_TRY(out.confidence, share(args, "--confidence"));
    if (out.confidence <= 0.5 || out.confidence >= 1) {
        return fail(Code::usage, "a confidence lies between 50% and 100%", "--confidence");
    }
    return {};
}

bool allowed(const LoadArgs& args, std::string_view host) {
    return std::ranges::any_of(args.allowed, [&](const std::string& name) {
        return iequals(name, host);
    });
}

/// Every host that would get the requests is this machine, or was named.
Result<void> may_aim(const LoadArgs& args) {
    const probe::Target& target = args.options.target;
    for (const std::string& host : {host_of(target.base_url), host_of(target.connect_to)}) {
        if (!host.empty() && !is_loopback(host) && !allowed(args, host)) {
            return fail(
                Code::precondition,
                fmt::format("a load can take {} down", printable(host, 80)),
                "--base-url",
                fmt::format("say that you mean it: --yes-load {}", printable(host, 80))
            );
        }
    }
    return {};
}

} // namespace

Result<double> parse_rate(std::string_view text) {
    std::string_view number = text;
    double unit = 1;
    if (number.ends_with("/s")) {
        number.remove_suffix(2);
    } else if (number.ends_with("/m")) {
        number.remove_suffix(2);
        unit = 60;
    }
    const auto value = measure::Fraction::parse(number);
    const double rate = value ? value->value() / unit : 0;
    if (rate < k_slowest || rate > k_fastest) {
        return fail(
            Code::usage,
            fmt::format("'{}' is no rate", printable(text, 40)),
            "--rate",
            "500/s or 30/m; 0.01 to 100000 per second"
        );
    }
    return rate;
}

Result<void> may_cost(const LoadArgs& args, std::string_view authority) {
    const probe::Target& target = args.options.target;
    const std::string host = host_of(target.base_url);
    const auto* kind = authority::authority_kind(authority);
    if ((kind != nullptr && !kind->costs && kind->refusal.empty()) || allowed(args, host)) {
        return {};
    }
    const std::uint64_t turns = planned_requests(args.options);
    return fail(
        Code::precondition,
        fmt::format(
            "{} behind {} runs real turns, which cost: {}",
            authority.empty() ? "an authority that is not named" : printable(authority, 40),
            printable(host, 80),
            turns == 0 ? "as many as fit into the time" : fmt::format("{} of them", turns)
        ),
        "--base-url",
        fmt::format("say that you mean it: --yes-load {}", printable(host, 80))
    );
}

std::uint64_t planned_requests(const probe::LoadOptions& options) {
    if (options.per_second <= 0) {
        return options.requests;
    }
    const auto seconds = [](Millis time) { return std::chrono::duration<double>(time).count(); };
    const probe::ArrivalPlan plan{
        options.per_second, seconds(options.ramp), seconds(options.duration)
    };
    return options.requests == 0 ? plan.total() : std::min(plan.total(), options.requests);
}

Result<LoadArgs> parse_load(const Args& args) {
    LoadArgs out;
    OA_TRY(
        out.options.target,
        parse_target(args, "lane", "oa-stream load --base-url http://127.0.0.1:8080 --rate 50/s")
    );
    OA_TRY(out.options.limits, parse_limits(args));
    OA_CHECK(arrivals(args, out.options));
    OA_CHECK(readers(args, out.options));
    OA_TRY(std::vector<std::string> asked, prompts(args));
    if (!asked.empty()) {
        out.options.prompts = std::move(asked);
        out.default_prompt = false;
    }
    OA_CHECK(limits(args, out));
    OA_TRY(out.list, count(args, "--list", 0, k_most_listed));
    out.ndjson = args.has("--ndjson");
    out.allowed = args.all("--yes-load");
    OA_CHECK(may_aim(out));
    return out;
}

} // namespace oa_stream::cli
