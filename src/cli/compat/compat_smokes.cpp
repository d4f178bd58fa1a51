// The replacements of the retired smoke scripts.
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"

#include "compat_rows.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {
namespace {

constexpr std::uint64_t k_most_mismatches = 1'000'000;

Result<Words> compat_words(const OldCall& call) {
    Words out;
    for (const auto& [name, option] :
         {std::pair{"COMPAT_CLIENT_BUILD_ID", names::compat_build},
          {"COMPAT_PROTOCOL_VERSION", names::compat_protocol},
          {"COMPAT_SCHEMA_VERSION", names::compat_schema}}) {
        if (call.given(name)) {
            add(out, {option, call.text(name)});
        }
    }
    return out;
}

} // namespace

// smoke-health.sh
// ----------------------------------------------------------------------------------

Result<Replacement> smoke_health(const OldCall& call) {
    OA_CHECK(call.takes(0, ""));
    OA_TRY(const std::string url, call.needed("OPENAGENTS_BASE_URL", "which service?"));
    Replacement out{{"smoke", "control", names::base_url, url, names::profile, "api-only"}};
    if (call.given("OPENAGENTS_CONTROL_ACCESS_TOKEN")) {
        add(out.words, {names::auth, "env:OPENAGENTS_CONTROL_ACCESS_TOKEN"});
    } else {
        out.notes.emplace_back(
            "/readyz and /healthz are the checks reach.…; without OPENAGENTS_CONTROL_ACCESS_TOKEN "
            "the rest is skipped, so the verdict is INCONCLUSIVE"
        );
    }
    return out;
}

// smoke-control.sh
// ---------------------------------------------------------------------------------

Result<Replacement> smoke_control(const OldCall& call) {
    OA_CHECK(call.takes(0, ""));
    OA_TRY(const std::string url, call.needed("OPENAGENTS_BASE_URL", "which service?"));
    if (call.given("OPENAGENTS_MAINTENANCE_BYPASS_TOKEN")) {
        return fail(
            Code::usage,
            "the maintenance token would be part of a URL, which every access log stores",
            "OPENAGENTS_MAINTENANCE_BYPASS_TOKEN",
            Suggestion{
                "smoke control", {names::base_url, url, names::maintenance_cookie, "env:NAME"}
            } + ", the value of the cookie oa_maintenance_bypass"
        );
    }
    Replacement out{{"smoke", "control", names::base_url, url, names::profile, "api-only"}};
    if (call.given("OPENAGENTS_CONTROL_ACCESS_TOKEN")) {
        add(out.words, {names::auth, "env:OPENAGENTS_CONTROL_ACCESS_TOKEN"});
    }
    out.notes.emplace_back(
        "the web shell's files are looked at with --profile shell-serving, which the service no "
        "longer serves"
    );
    return out;
}

// run-production-stream-contract-smoke.sh
// ------------------------------------------------------------

Result<Replacement> stream_smoke(const OldCall& call) {
    OA_CHECK(call.takes(0, ""));
    OA_TRY(const bool dry, call.flag("DRY_RUN", false));
    OA_TRY(const std::uint64_t limit, call.number("CURL_TIMEOUT_SECONDS", 1, k_longest_s, 20));
    OA_TRY(const std::string url, old_base_url(call));
    Replacement out{{"smoke", "stream", names::base_url, url}};
    if (!dry) {
        OA_CHECK(call.needs_token("AUTH_TOKEN", "the bearer token of a user"));
    }
    if (call.given("AUTH_TOKEN")) {
        add(out.words, {names::auth, "env:AUTH_TOKEN"});
    }
    add(out.words,
        {names::first_byte, fmt::format("{}s", limit), names::stall, fmt::format("{}s", limit)});
    add(out.words, {names::id_prefix, call.text("PHASE", "runtime")});
    OA_TRY(const Words compat, compat_words(call));
    out.words.insert(out.words.end(), compat.begin(), compat.end());
    if (dry) {
        out.words.emplace_back(names::no_probes);
        out.notes.emplace_back("DRY_RUN=1 asks the target with GETs alone, so it is never PASS");
    }
    if (call.given("THREAD_ID_PREFIX")) {
        out.notes.emplace_back("THREAD_ID_PREFIX does nothing: threads are called oasmoke_…");
    }
    return out;
}

// run-staging-dual-run-shadow-diff.sh
// ----------------------------------------------------------------

Result<void> refuse_shadow_parts(const OldCall& call) {
    for (const std::string_view name :
         {"MAX_CRITICAL_MISMATCHES", "MAX_TOTAL_MISMATCHES", "MAX_STREAM_MISMATCHES"}) {
        OA_TRY(const auto most, call.number(name, 0, k_most_mismatches, 0));
        if (most > 0) {
            return fail(
                Code::usage,
                fmt::format("{} is {}: a difference is a difference", name, most),
                std::string(name),
                "leave a member out with --ignore KEY; --compare structure leaves contents out"
            );
        }
    }
    if (call.given("REQUESTS_FILE")) {
        return fail(
            Code::usage,
            "a manifest of requests is not a list of prompts, and its reads are smokes now",
            "REQUESTS_FILE",
            Suggestion{"shadow", {names::prompts, "FILE"}} + ", " + Suggestion{"smoke control"}
        );
    }
    return {};
}

Result<Replacement> shadow(const OldCall& call) {
    OA_CHECK(call.takes(0, ""));
    OA_CHECK(refuse_shadow_parts(call));
    OA_TRY(const std::string lane, call.needed("RUST_BASE_URL", "which lane is judged?"));
    OA_TRY(const std::string reference, call.needed("LEGACY_BASE_URL", "compared with which?"));
    OA_TRY(const auto p95, call.number("MAX_P95_LATENCY_DELTA_MS", 1, k_longest_s * 1000, 250));
    Replacement out{
        {"shadow",
         names::base_url,
         lane,
         names::against,
         reference,
         names::p95_delta_at_most,
         fmt::format("{}ms", p95)},
        {"each prompt runs often enough for a p95. Equal failures do not count as equal.",
         "lanes of a real model: --compare structure"}
    };
    if (call.given("AUTH_TOKEN")) {
        add(out.words, {names::auth, "env:AUTH_TOKEN"});
    }
    return out;
}

// run-vercel-sse-fixture-harness.sh
// ------------------------------------------------------------------

Result<Replacement> harness(const OldCall& call) {
    OA_CHECK(call.takes(0, ""));
    return fail(
        Code::usage,
        "it held a second implementation to goldens of its own; the product's goldens go through "
        "its own encoder, in its tests",
        {},
        Suggestion{"check", {"FILE"}} +
            " judges a stream, with --profile openagents-v1 one of the old dialect"
    );
}

} // namespace oa_stream::cli
