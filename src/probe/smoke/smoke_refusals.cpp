// Requests that must be refused before a stream's first byte. Each only contains an assistant's
// message, so that even a lane that fails to refuse starts no turn.
#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"
#include "oa_stream/net/http.hpp"
#include "oa_stream/net/oa_headers.hpp"

#include "smoke_run.hpp"
#include "stream/describe.hpp"
#include "stream/outcome.hpp"
#include "stream/target_request.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::probe {
namespace {

std::string assistant_only(const Smoke& smoke) {
    return assistant_only_body(smoke.thread());
}

Task<bool> reads_demand_auth(SmokePtr smoke) {
    Target anonymous = smoke->options.target;
    anonymous.bearer = Secret();
    const net::ClientResponse answer = co_await smoke->fetch(
        target_request(anonymous, "GET", "/api/chats?limit=1", smoke->options.limits)
    );
    co_return refuses_credential(answer.status);
}

// The answers of a lane without token checks to a lone assistant's message: its refusal, that of
// another product, or the stream of a lane that fails to refuse. A login page is none of these.
bool is_as_without_gate(const net::ClientResponse& answer) {
    const int status = answer.status;
    return status == 422 || status == 400 || no_such_route(status) ||
           (status == 200 && has_media_type(answer.headers, "text/event-stream"));
}

void judge_auth(
    Smoke& smoke, std::string_view name, const net::ClientResponse& answer, bool demanded
) {
    if (demanded) {
        report_refusal(smoke, name, answer, judge_refusal(answer, 401));
    } else if (!smoke.options.target.bearer.empty() &&
               !is_loopback(host_of(smoke.options.target.base_url))) {
        report_refusal(
            smoke,
            name,
            answer,
            "a token was given, but the target answers without one: " + seen(answer)
        );
    } else if (is_as_without_gate(answer)) {
        smoke.not_applicable(name, "the target demands no token: " + seen(answer));
    } else {
        report_refusal(
            smoke,
            name,
            answer,
            "expected HTTP 401, or 422 where no token is demanded, saw " + seen(answer)
        );
    }
}

constexpr std::array<std::string_view, 6> k_window_members{
    "surface",
    "min_client_build_id",
    "max_client_build_id",
    "min_schema_version",
    "max_schema_version",
    "protocol_version",
};
constexpr std::array<std::string_view, 5> k_window_headers{
    "x-oa-compatibility-upgrade-required",
    "x-oa-compatibility-protocol-version",
    "x-oa-compatibility-min-client-build-id",
    "x-oa-compatibility-min-schema-version",
    "x-oa-compatibility-max-schema-version",
};

std::string wrong_with_window(const net::ClientResponse& answer, std::string_view code) {
    const auto body = parse_json(answer.body);
    const Json* window = body ? member(*body, "compatibility") : nullptr;
    if (window == nullptr) {
        return "the body of HTTP 426 has no compatibility member";
    }
    if (string_member(*window, "code") != code || bool_member(*window, "retryable") != false ||
        bool_member(*window, "upgrade_required") != true) {
        return "compatibility lacks code, retryable false or upgrade_required true";
    }
    for (const std::string_view key : k_window_members) {
        if (member(*window, key) == nullptr) {
            return fmt::format("compatibility lacks {}", key);
        }
    }
    if (answer.headers.get("x-oa-compatibility-code") != code) {
        return fmt::format("header x-oa-compatibility-code is not {}", code);
    }
    for (const std::string_view name : k_window_headers) {
        if (!answer.headers.has(name)) {
            return fmt::format("header {} is missing on HTTP 426", name);
        }
    }
    return {};
}

} // namespace

std::string judge_compat(const net::ClientResponse& answer, std::string_view code) {
    if (answer.status != 426) {
        return fmt::format(
            "expected HTTP 426 {}, saw {} (--no-compat when this target has no window)",
            code,
            seen(answer)
        );
    }
    std::string wrong = judge_refusal(answer, 426, code);
    return wrong.empty() ? wrong_with_window(answer, code) : wrong;
}

namespace {

Task<net::ClientResponse> with_compat(SmokePtr smoke, std::optional<net::CompatIdentity> compat) {
    Target target = smoke->options.target;
    target.compat = std::move(compat);
    co_return co_await smoke->refused_post(std::move(target), assistant_only(*smoke));
}

Task<void> compat_missing(SmokePtr smoke) {
    const net::ClientResponse answer = co_await with_compat(smoke, std::nullopt);
    if (answer.status == 422) {
        smoke->not_applicable("compat.missing", "the headers are optional here: " + seen(answer));
    } else {
        report_refusal(
            *smoke, "compat.missing", answer, judge_compat(answer, "invalid_client_build")
        );
    }
}

// The window that the target states: on a stream's head, otherwise on a refusal.
net::Headers window_of(const Smoke& smoke, const net::Headers& refusal) {
    const Happy* found = smoke.first([](const Happy& happy) {
        return happy.sample.headers.has("x-oa-compatibility-min-client-build-id");
    });
    return found == nullptr ? refusal : found->sample.headers;
}

// Sends a build below or above the window, if the window has that side.
Task<void> compat_build(SmokePtr smoke, net::CompatIdentity compat, net::Headers window) {
    const std::string_view lowest =
        window.get("x-oa-compatibility-min-client-build-id").value_or("");
    const bool low = lowest > "00000000T000000Z";
    const bool high = window.has("x-oa-compatibility-max-client-build-id");
    if (!low && !high) {
        smoke->not_applicable("compat.build", "the window admits every build");
        co_return;
    }
    compat.build = low ? "00000000T000000Z" : "99991231T235959Z";
    const net::ClientResponse answer = co_await with_compat(smoke, std::move(compat));
    report_refusal(
        *smoke,
        "compat.build",
        answer,
        judge_compat(answer, low ? "upgrade_required" : "unsupported_client_build")
    );
}

} // namespace

Task<void> smoke_auth(SmokePtr smoke) {
    Target anonymous = smoke->options.target;
    anonymous.bearer = Secret();
    Target stranger = smoke->options.target;
    stranger.bearer = Secret("oasmoke-" + random_hex(16));
    const bool reads = co_await reads_demand_auth(smoke);
    const net::ClientResponse missing =
        co_await smoke->refused_post(std::move(anonymous), assistant_only(*smoke));
    const net::ClientResponse bad =
        co_await smoke->refused_post(std::move(stranger), assistant_only(*smoke));
    const bool demanded =
        reads || refuses_credential(missing.status) || refuses_credential(bad.status);
    judge_auth(*smoke, "auth.missing-token", missing, demanded);
    judge_auth(*smoke, "auth.bad-token", bad, demanded);
}

Task<void> smoke_compat(SmokePtr smoke) {
    const auto compat = smoke->options.target.compat;
    if (!compat) {
        for (const std::string_view name :
             {"compat.missing", "compat.protocol", "compat.schema", "compat.build"}) {
            smoke->not_applicable(name, "compat was switched off for this target");
        }
        co_return;
    }
    co_await compat_missing(smoke);
    net::CompatIdentity protocol = *compat;
    protocol.protocol = "oasmoke.none.v0";
    const net::ClientResponse first = co_await with_compat(smoke, std::move(protocol));
    report_refusal(
        *smoke, "compat.protocol", first, judge_compat(first, "unsupported_protocol_version")
    );
    net::CompatIdentity schema = *compat;
    schema.schema = "4294967295";
    const net::ClientResponse second = co_await with_compat(smoke, std::move(schema));
    report_refusal(
        *smoke, "compat.schema", second, judge_compat(second, "unsupported_schema_version")
    );
    co_await compat_build(smoke, *compat, window_of(*smoke, second.headers));
}

Task<void> smoke_reject(SmokePtr smoke) {
    const Target& target = smoke->options.target;
    const net::ClientResponse no_user =
        co_await smoke->refused_post(target, assistant_only(*smoke));
    report_refusal(*smoke, "reject.assistant-only", no_user, judge_refusal(no_user, 422));

    const net::ClientResponse broken = co_await smoke->refused_post(target, R"({"messages":[)");
    report_refusal(*smoke, "reject.bad-json", broken, judge_refusal(broken, 400));

    net::ClientRequest request =
        target_request(target, "POST", "/api/chat/stream", smoke->options.limits);
    request.headers.set("content-type", "text/plain");
    request.body = assistant_only(*smoke);
    const net::ClientResponse plain = co_await smoke->fetch(std::move(request));
    report_refusal(*smoke, "reject.content-type", plain, judge_refusal(plain, 415));
}

} // namespace oa_stream::probe
