#include "oa_stream/routes/route_split.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/redact.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"
#include "oa_stream/net/reach_advice.hpp"
#include "oa_stream/net/retry_after.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::routes {
namespace {

constexpr std::size_t k_most_body = 1U << 20U;

Error transport_error(const net::ClientResponse& response) {
    const bool truncated = response.failure == net::TransferFailure::truncated;
    return {
        truncated ? Code::protocol : net::code_of(response.failure),
        fmt::format(
            "{}: {}{}",
            net::to_string(response.failure),
            printable(response.failure_text, 200),
            net::reach_advice(response)
        )
    };
}

/// The envelope's own words: `{"message", "error": {"code"}, "errors"}`.
std::string words_of(const net::ClientResponse& response) {
    const auto json = parse_json(response.body);
    if (!json) {
        return {};
    }
    std::string out(string_member(*json, "message").value_or(""));
    if (const auto code = string_member(object_in(*json, "error"), "code")) {
        out = fmt::format("{}{}{}", *code, out.empty() ? "" : ": ", out);
    }
    return out.empty() ? out : " " + printable(out, 300);
}

std::string window_of(const net::ClientResponse& response) {
    const auto field = [&](std::string_view name) {
        return std::string(
            response.headers.get(fmt::format("x-oa-compatibility-{}", name)).value_or("?")
        );
    };
    return printable(
        fmt::format(
            "it takes protocol {}, schema {} to {}, builds from {}",
            field("protocol-version"),
            field("min-schema-version"),
            field("max-schema-version"),
            field("min-client-build-id")
        ),
        300
    );
}

Error status_error(const net::ClientResponse& response) {
    const int status = response.status;
    const std::string words = words_of(response);
    const auto say = [&](Code code, std::string_view what, std::string hint = {}) {
        return Error{code, fmt::format("HTTP {}:{} {}", status, words, what), {}, std::move(hint)};
    };
    if (status == 401) {
        return say(Code::credentials, "(the token is refused)");
    }
    if (status == 403) {
        return say(Code::credentials, "(only administrators may set overrides)");
    }
    if (status == 404) {
        return say(Code::not_found, "(no route split at this address)");
    }
    if (status == 422) {
        return say(Code::usage, "");
    }
    if (status == 426) {
        return say(
            Code::precondition,
            "(outside the compatibility window)",
            window_of(response) + "; --compat-build, --compat-protocol, --compat-schema"
        );
    }
    if (status == 429) {
        return say(Code::precondition, "(rate limited)");
    }
    if (status >= 300 && status < 400) {
        return say(Code::protocol, "(a redirect, which is never followed)");
    }
    return say(status >= 500 ? Code::unavailable : Code::protocol, "");
}

Result<Json> data_of(const net::ClientResponse& response) {
    const auto json = parse_json(response.body);
    const Json* data = json ? member(*json, "data") : nullptr;
    if (data == nullptr || !data->is_object()) {
        return fail(
            Code::protocol,
            fmt::format("HTTP 200 without a data object: {}", printable(response.body, 80))
        );
    }
    return *data;
}

/// Some services say it in the message only: "… in 12 seconds".
std::optional<Millis> wait_in_words(const net::ClientResponse& response) {
    const auto json = parse_json(response.body);
    const auto text = json ? string_member(*json, "message").value_or("") : std::string_view{};
    const std::size_t at = text.find(" second");
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    std::size_t from = at;
    while (from > 0 && text[from - 1] >= '0' && text[from - 1] <= '9') {
        --from;
    }
    const auto seconds = parse_count(text.substr(from, at - from), 0, 3600);
    return seconds ? std::optional<Millis>(std::chrono::seconds(*seconds)) : std::nullopt;
}

/// What one attempt came to.
struct Attempt {
    Result<Json> result;
    bool refused_for_now = false; ///< 429: nothing was done
    bool worth_another = false;   ///< a read may be repeated
    std::optional<Millis> wait{};
};

Attempt judge(const net::ClientResponse& response) {
    if (response.failure != net::TransferFailure::none) {
        return {std::unexpected(transport_error(response)), false, net::may_pass(response), {}};
    }
    if (response.status == 200) {
        return {data_of(response), false, false, {}};
    }
    auto wait = net::retry_after(response.headers, std::chrono::system_clock::now());
    const bool busy = response.status == 429;
    if (busy && !wait) {
        wait = wait_in_words(response);
    }
    return {std::unexpected(status_error(response)), busy, net::may_pass(response), wait};
}

} // namespace

std::string RouteSplitClient::url_of(std::string_view name) const {
    return fmt::format("{}/api/v1/control/route-split/{}", options_.base_url, name);
}

net::ClientRequest RouteSplitClient::request(std::string_view name, std::string body) const {
    net::ClientRequest out;
    out.method = body.empty() ? "GET" : "POST";
    out.url = url_of(name);
    out.bearer = options_.bearer;
    out.headers = options_.extra;
    out.ca_file = options_.ca_file;
    options_.compat.add_to(out.headers);
    out.headers.add("x-client", "oa-stream");
    out.headers.add("user-agent", "oa-stream");
    if (!body.empty()) {
        out.headers.add("content-type", "application/json");
    }
    out.body = std::move(body);
    out.fresh_connection = true;
    out.connect_timeout = std::min(out.connect_timeout, options_.call_timeout);
    out.first_byte_timeout = options_.call_timeout;
    out.total_timeout = options_.call_timeout;
    out.max_body = k_most_body;
    return out;
}

Task<Result<net::ClientResponse>> RouteSplitClient::exchange(net::ClientRequest request) {
    if (!options_.tokens) {
        co_return co_await client_.fetch(std::move(request));
    }
    for (bool fresh = false;; fresh = true) {
        net::ClientRequest call = request;
        OA_CO_TRY(call.bearer, co_await options_.tokens(fresh));
        Redactor redactor; // a run's folder knows the token that was read first
        redactor.add_known(call.bearer);
        auto response = co_await client_.fetch(std::move(call));
        if (response.status == 401 && !fresh) {
            continue;
        }
        if (response.status != 200) {
            response.body = redactor.apply(response.body);
        }
        co_return response;
    }
}

Task<Result<Json>>
RouteSplitClient::call(std::string name, std::string body, std::optional<BeforeRepeat> write) {
    const std::string what = fmt::format("{} {}", body.empty() ? "GET" : "POST", url_of(name));
    constexpr int k_longest_pause = 32; // times the first one
    net::RetryPauses pauses(options_.pause, options_.pause * k_longest_pause);
    Clock::duration waited{0};
    bool looked = false;
    for (int attempt = 1;; ++attempt) {
        const auto response = co_await exchange(request(name, body));
        if (!response) {
            Error error = response.error();
            if (error.where.empty()) {
                error.where = what;
            }
            co_return std::unexpected(std::move(error));
        }
        Attempt seen = judge(*response);
        if (seen.result) {
            co_return std::move(seen.result);
        }
        const Millis wait = pauses.next(seen.wait);
        const bool retry =
            seen.refused_for_now || (seen.worth_another && !write && attempt < options_.attempts);
        if (!retry || waited + wait > options_.most_wait) {
            Error error = std::move(seen.result).error();
            error.where = what;
            if (response->status == 404) {
                error.message += base_path_advice(options_.base_url);
            }
            co_return std::unexpected(std::move(error));
        }
        if (options_.retried) {
            options_.retried(fmt::format(
                "{}: {}, again in {}", what, seen.result.error().message, format_duration(wait)
            ));
        }
        waited += wait;
        if (!co_await sleep_for(wait)) {
            co_return fail(Code::cancelled, "cancelled", what);
        }
        // A service that lets through one call at a time would refuse the write after each look.
        looked = !looked;
        if (looked && write && *write) {
            const auto began = Clock::now();
            OA_CO_CHECK(co_await (*write)());
            waited += Clock::now() - began;
        }
    }
}

Task<Result<RouteStatus>> RouteSplitClient::status() {
    OA_CO_TRY(const Json data, co_await call("status", {}, std::nullopt));
    co_return parse_route_status(data);
}

Task<Result<RouteDecision>> RouteSplitClient::evaluate(std::string path, std::string cohort_key) {
    Json body{{"path", std::move(path)}};
    if (!cohort_key.empty()) {
        body["cohort_key"] = std::move(cohort_key);
    }
    OA_CO_TRY(const Json data, co_await call("evaluate", dump_json(body), std::nullopt));
    co_return parse_route_decision(data);
}

Task<Result<RouteStatus>>
RouteSplitClient::override_target(RouteWrite write, BeforeRepeat before_retry) {
    Json body{{"target", std::move(write.target)}};
    if (write.domain) {
        body["domain"] = *std::move(write.domain);
    }
    OA_CO_TRY(const Json data, co_await call("override", dump_json(body), std::move(before_retry)));
    co_return parse_route_status(data);
}

} // namespace oa_stream::routes
