#include "cloud_run_api.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/net/retry_after.hpp"

#include "cloud_run_error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::traffic::cloud_run {
namespace {

constexpr int k_lost_answers = 3; ///< per read; an unavailable API is reported soon
constexpr Millis k_longest_backoff{16000};
constexpr Millis k_longest_rescue_pause{4000}; ///< users are affected meanwhile
constexpr std::size_t k_max_body = 8U << 20U;

Result<Json> document(const net::ClientResponse& response) {
    auto json = parse_json(response.body);
    if (!json || !json->is_object()) {
        return fail(
            Code::protocol,
            fmt::format(
                "HTTP {} is not an answer of the Admin API: {}",
                response.status,
                printable(response.body, 80)
            )
        );
    }
    return json;
}

/// Masks the token in an answer that contains it.
void forget(std::string& text, std::string_view token) {
    for (std::size_t at = 0; !token.empty() && (at = text.find(token, at)) != std::string::npos;) {
        text.replace(at, token.size(), token.size(), '*');
    }
}

Error named(Error error, const net::ClientRequest& request) {
    error.where = request.method + " " + request.url.substr(0, request.url.find('?'));
    return error;
}

} // namespace

net::ClientRequest Api::request(std::string method, const std::string& path) const {
    net::ClientRequest out;
    out.method = std::move(method);
    out.url = options_.endpoint + path;
    out.headers.add("accept", "application/json");
    out.connect_timeout = std::min(Millis(5000), options_.call_timeout);
    out.first_byte_timeout = options_.call_timeout;
    out.total_timeout = options_.call_timeout;
    out.max_body = k_max_body;
    return out;
}

void Api::heed(const net::ClientResponse& response, bool write) {
    const auto wait = net::retry_after(response.headers, std::chrono::system_clock::now());
    if (!wait || (response.status != 429 && response.status < 500)) {
        return;
    }
    if (const auto error = error_of(response, write)) {
        quiet_why_ = error->message;
    }
    const auto now = Clock::now();
    const auto brief = now + std::min(*wait, k_longest_rescue_pause);
    writes_quiet_until_ = std::max(writes_quiet_until_, now + *wait);
    rescue_quiet_until_ = std::max(rescue_quiet_until_, brief);
    reads_quiet_until_ = std::max(reads_quiet_until_, write ? brief : now + *wait);
}

Task<Result<void>> Api::leave_alone(Clock::time_point quiet, Clock::time_point until, Code late) {
    const auto wait = std::chrono::ceil<Millis>(quiet - Clock::now());
    if (wait <= Millis(0)) {
        co_return Result<void>{};
    }
    if (quiet > until) {
        co_return fail(
            late,
            fmt::format(
                "the Admin API asks to be left alone for {} ({}), nothing was sent",
                format_duration(wait),
                quiet_why_
            )
        );
    }
    if (!co_await sleep_for(wait)) {
        co_return fail(Code::cancelled, "given up while waiting for the Admin API");
    }
    co_return Result<void>{};
}

Task<Result<net::ClientResponse>> Api::exchange(net::ClientRequest request) {
    for (bool fresh = false;; fresh = true) {
        auto token = co_await options_.token(fresh);
        if (!token) {
            Error error = std::move(token).error();
            co_return std::unexpected(
                error.where.empty() ? named(std::move(error), request) : std::move(error)
            );
        }
        net::ClientRequest call = request;
        call.bearer = *token;
        auto response = co_await client_.fetch(std::move(call));
        forget(response.body, token->reveal());
        forget(response.failure_text, token->reveal());
        heed(response, request.method != "GET");
        if (response.status != 401 || fresh) {
            co_return response;
        }
    }
}

Task<Result<Json>> Api::get(std::string path, Clock::time_point until) {
    const net::ClientRequest call = request("GET", path);
    net::RetryPauses pauses(options_.backoff, k_longest_backoff);
    for (int lost = 0;;) {
        const auto quiet = rescue_ ? rescue_quiet_until_ : reads_quiet_until_;
        OA_CO_CHECK(co_await leave_alone(quiet, until, Code::unavailable));
        OA_CO_TRY(const net::ClientResponse response, co_await exchange(call));
        auto error = error_of(response, false);
        if (!error) {
            auto json = document(response);
            co_return json ? std::move(json)
                           : std::unexpected(named(std::move(json).error(), call));
        }
        lost += response.failure == net::TransferFailure::none ? 0 : 1;
        const Millis pause = pauses.next();
        if (!net::may_pass(response) || lost >= k_lost_answers || Clock::now() + pause > until) {
            error->message += lost > 1 ? fmt::format(", asked {} times", lost) : "";
            co_return std::unexpected(named(*std::move(error), call));
        }
        if (!co_await sleep_for(pause)) {
            co_return fail(Code::cancelled, "given up while waiting for the Admin API");
        }
        ++repeated_;
    }
}

Task<Result<Json>> Api::patch(std::string path, std::string body, Clock::time_point until) {
    net::ClientRequest call = request("PATCH", path);
    call.headers.add("content-type", "application/json");
    call.body = std::move(body);
    net::RetryPauses pauses(options_.backoff, k_longest_backoff);
    while (true) {
        const auto quiet = rescue_ ? rescue_quiet_until_ : writes_quiet_until_;
        OA_CO_CHECK(co_await leave_alone(quiet, until, Code::conflict));
        OA_CO_TRY(const net::ClientResponse response, co_await exchange(call));
        auto error = error_of(response, true);
        if (!error) {
            auto json = document(response);
            co_return json ? std::move(json)
                           : std::unexpected(named(std::move(json).error(), call));
        }
        const Millis pause = pauses.next();
        // 429 proves that nothing was done; any other retry requires a read first.
        if (response.status != 429 || Clock::now() + pause > until) {
            co_return std::unexpected(named(*std::move(error), call));
        }
        if (!co_await sleep_for(pause)) {
            co_return fail(Code::conflict, "given up while waiting, nothing was written");
        }
    }
}

} // namespace oa_stream::traffic::cloud_run
