// Checks that the target answers, and identifies it.
#include "oa_stream/authority/kind.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"
#include "oa_stream/net/reach_advice.hpp"
#include "oa_stream/probe/prober.hpp"

#include "smoke_run.hpp"

#include <fmt/format.h>

#include <chrono>

namespace oa_stream::probe {
namespace {

/// The likely mistake in the address; empty: it seems right.
std::string wrong_address(const net::ClientResponse& answer, std::string_view base_url) {
    return answer.status == 404 ? base_path_advice(base_url)
                                : std::string(net::reach_advice(answer));
}

bool says_nothing(const net::ClientResponse& answer) {
    return answer.status == 0 && answer.failure == net::TransferFailure::first_byte_timeout;
}

/// Returns whether the target answered at all.
Task<bool> reach(SmokePtr smoke, std::string name, std::string path) {
    const net::ClientResponse answer = co_await smoke->get(path);
    if (answer.status == 200) {
        // /readyz of a lane that is switched off: it answers, but begins no turns.
        const auto json = parse_json(answer.body);
        const auto reason = json ? string_member(*json, "reason") : std::nullopt;
        smoke->report(
            name, Verdict::pass, reason ? "HTTP 200: " + printable(*reason, 80) : "HTTP 200"
        );
    } else {
        const std::string why = wrong_address(answer, smoke->options.target.base_url);
        const bool elsewhere = answer.status == 404 && !why.empty();
        smoke->unreachable = smoke->unreachable || is_unreachable(answer) || elsewhere;
        smoke->unreachable_why = seen(answer);
        Json data;
        data["outcome"] = answer.status == 0 ? std::string(net::to_string(answer.failure))
                                             : std::string("http_status");
        smoke->report(
            name,
            is_unreachable(answer) ? Verdict::error : Verdict::fail,
            fmt::format("expected HTTP 200 of {}, saw {}{}", path, seen(answer), why),
            std::move(data)
        );
    }
    co_return !says_nothing(answer);
}

// A request replaces invalid UTF-8 in the prompt with U+FFFD, and so does the list.
std::string as_sent(const std::string& prompt) {
    const auto sent = parse_json(dump_json(Json(prompt)));
    return sent ? sent->get<std::string>() : prompt;
}

// The times between first and last content as recorded, minus a tenth.
std::vector<Ask> asks(const Smoke& smoke) {
    const SmokeOptions& options = smoke.options;
    if (!options.prompt.empty()) {
        return {{as_sent(options.prompt), options.expect}};
    }
    std::vector<Ask> list;
    if (smoke.replay) {
        list.push_back({"replay:02-text-paced", "alpha bravo charlie", Millis(340)});
        list.push_back({"replay:story", "A stream is a promise", Millis(1650)});
    }
    list.push_back({std::string(k_counting_prompt)});
    for (Ask& ask : list) {
        ask.paced_over = smoke.unpaced ? std::nullopt : ask.paced_over;
        ask.expect = options.expect.empty() ? ask.expect : options.expect;
    }
    return list;
}

void learn(Smoke& smoke, const net::ClientResponse& answer) {
    const auto json = parse_json(answer.body);
    const auto authority = json ? authority::authority_name(*json) : std::string_view();
    if (authority.empty()) {
        smoke.report("reach.version", Verdict::fail, "GET /version names no authority");
        return;
    }
    smoke.named = true;
    smoke.replay = authority::plays_recordings(*json);
    const Json* facts = member(*json, "authority");
    const std::string_view pace = string_member(*facts, "pace").value_or("recorded");
    smoke.unpaced = smoke.replay && pace != "recorded";
    smoke.report("reach.version", Verdict::pass, "authority " + printable(authority, 60), *json);
}

} // namespace

Task<void> smoke_reach(SmokePtr smoke) {
    const bool alive = co_await reach(smoke, "reach.healthz", "/healthz");
    if (smoke->unreachable) {
        co_return;
    }
    const bool heard = co_await reach(smoke, "reach.readyz", "/readyz");
    if (!alive && !heard) { // a dozen more silences would take minutes
        smoke->unreachable = true;
        co_return;
    }
    const net::ClientResponse version = co_await smoke->get("/version");
    if (version.status == 200) {
        learn(*smoke, version);
    } else if (version.status == 404) {
        smoke->not_applicable(
            "reach.version", "no /version here: the target is taken for a lane of another make"
        );
    } else {
        smoke->report(
            "reach.version",
            is_unreachable(version) ? Verdict::error : Verdict::fail,
            "expected HTTP 200 of /version, saw " + seen(version)
        );
    }
    smoke->asks = asks(*smoke);
}

} // namespace oa_stream::probe
