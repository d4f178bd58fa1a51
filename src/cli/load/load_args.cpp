#include "load_args.hpp"

#include "oa_stream/authority/kind.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"
#include "oa_stream/config/units.hpp"

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::cli {

namespace {

constexpr std::uint64_t k_most_prompts = 100'000;
constexpr std::uint64_t k_most_prompt_bytes = 16U << 20U;
constexpr double k_slowest = 0.01;
constexpr double k_fastest = 100'000;

Result<std::vector<std::string>> all_prompts(const LoadGiven& given) {
    std::vector<std::string> out = given.prompts;
    const auto& file = given.prompts_file;
    if (!file) {
        return out;
    }
    OA_TRY(const std::string text, read_file(*file, k_most_prompt_bytes));
    std::string_view rest = text;
    while (!rest.empty()) {
        if (const std::string_view line = trim(cut_line(rest)); !line.empty()) {
            out.emplace_back(line);
        }
    }
    if (out.empty() || out.size() > k_most_prompts) {
        return fail(
            Code::usage,
            fmt::format("{} lines of prompts, expected 1 to {}", out.size(), k_most_prompts),
            file.value()
        );
    }
    return out;
}

Result<void> complete_arrivals(const LoadGiven& given, probe::LoadOptions& options) {
    if (given.per_second.has_value() == given.users.has_value()) {
        return fail(
            Code::usage,
            "a load needs either --rate or --concurrency",
            {},
            "give --rate 50/s for arrivals by the clock, --concurrency 20 for 20 users"
        );
    }
    if (given.users && given.max_in_flight && *given.users > *given.max_in_flight) {
        return fail(
            Code::usage,
            fmt::format("{} users have as many requests in flight", *given.users),
            std::string(names::max_in_flight),
            fmt::format("at most {} users", *given.max_in_flight)
        );
    }
    options.max_in_flight = given.max_in_flight.value_or(options.max_in_flight);
    options.per_second = given.per_second.value_or(0);
    options.concurrency = given.users.value_or(0);
    if (options.slow_share + options.leaving_share > 1) {
        return fail(
            Code::usage,
            "slow and leaving readers are more than all",
            {},
            "give both shares of readers, 100% at most together"
        );
    }
    return {};
}

Result<void> add_usual_limit(std::vector<probe::LoadLimit>& limits) {
    if (!contains(limits, "bad", &probe::LoadLimit::what)) {
        OA_TRY(probe::LoadLimit limit, probe::parse_load_limit("bad <= 1%"));
        limits.push_back(std::move(limit));
    }
    return {};
}

/// Slow readers determine their own times.
Result<void> check_readers(const LoadArgs& args) {
    const auto* timed = find_if_or_null(args.limits, [](const probe::LoadLimit& limit) {
        return limit.quantile.has_value();
    });
    if (timed == nullptr || args.options.slow_share < 1) {
        return {};
    }
    return fail(
        Code::usage,
        fmt::format("'{}' has no times to judge: all readers are slow", timed->text),
        std::string(names::limit),
        "let fewer readers be slow, or omit the limit"
    );
}

bool allowed(const LoadArgs& args, std::string_view host) {
    return std::ranges::any_of(args.allowed, [&](const std::string& name) {
        return iequals(name, host);
    });
}

/// Every host that would receive the requests is this machine, or was named.
Result<void> may_aim(const LoadArgs& args) {
    const probe::Target& target = args.options.target;
    for (const std::string& host : {host_of(target.base_url), host_of(target.connect_to)}) {
        if (!host.empty() && !is_loopback(host) && !allowed(args, host)) {
            return fail(
                Code::precondition,
                fmt::format("a load can take {} down", printable(host, 80)),
                std::string(names::base_url),
                fmt::format("confirm it: {} {}", names::yes_load, printable(host, 80))
            );
        }
    }
    return {};
}

} // namespace

Result<double> parse_rate(std::string_view text) {
    return config::read_rate_within(text, k_slowest, k_fastest);
}

Result<void> may_cost(const LoadArgs& args, std::string_view authority) {
    const probe::Target& target = args.options.target;
    const std::string host = host_of(target.base_url);
    const auto* kind = authority::authority_kind(authority);
    if ((kind != nullptr && !kind->costs) || allowed(args, host)) {
        return {};
    }
    const std::uint64_t turns = planned_requests(args.options);
    return fail(
        Code::precondition,
        fmt::format(
            "{}: {}",
            authority.empty()
                ? printable(host, 80) + " names no authority, so its turns may cost money"
                : fmt::format(
                      "{} behind {} runs turns that cost money",
                      printable(authority, 40),
                      printable(host, 80)
                  ),
            turns == 0 ? "as many as fit into the time" : counted(turns, "turn")
        ),
        std::string(names::base_url),
        fmt::format("confirm it: {} {}", names::yes_load, printable(host, 80))
    );
}

std::uint64_t planned_requests(const probe::LoadOptions& options) {
    if (options.per_second <= 0) {
        return options.requests;
    }
    const probe::ArrivalPlan plan{
        options.per_second, seconds(options.ramp), seconds(options.duration)
    };
    return options.requests == 0 ? plan.total() : std::min(plan.total(), options.requests);
}

Result<LoadArgs> complete_load(LoadGiven given) {
    OA_CHECK(given.check_target(
        "lane", {"load", {names::base_url, "http://127.0.0.1:8080", names::rate, "50/s"}}
    ));
    OA_TRY(std::vector<std::string> asked, all_prompts(given));
    LoadArgs out = std::move(given.load);
    out.options.target = std::move(given.target);
    out.options.target.probe.clear(); // a load represents users
    out.options.limits = given.limits;
    OA_CHECK(complete_arrivals(given, out.options));
    if (!asked.empty()) {
        out.options.prompts = std::move(asked);
        out.default_prompt = false;
    }
    OA_CHECK(add_usual_limit(out.limits));
    OA_CHECK(check_readers(out));
    OA_CHECK(may_aim(out));
    return out;
}

Result<double> read_confidence(std::string_view text) {
    OA_TRY(const double share, config::read_share(text));
    if (share <= 0.5 || share >= 1) {
        return fail(Code::usage, "a confidence is between 50% and 100%");
    }
    return share;
}

} // namespace oa_stream::cli
