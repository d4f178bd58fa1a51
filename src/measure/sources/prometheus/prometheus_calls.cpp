#include "prometheus_calls.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"
#include "oa_stream/net/reach_advice.hpp"
#include "oa_stream/net/retry_after.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

namespace oa_stream::measure::prometheus {
namespace {

constexpr int k_attempts = 4; ///< few, so that an unreachable server is reported soon
constexpr Millis k_longest_backoff{8000};

/// Masks a credential that the server returns, so that no message contains it.
void forget(std::string& text, const Secret& secret) {
    const std::string_view bytes = secret.reveal();
    for (std::size_t at = 0; !bytes.empty() && (at = text.find(bytes, at)) != std::string::npos;) {
        text.replace(at, bytes.size(), bytes.size(), '*');
    }
}

Error lost(const net::ClientResponse& response, std::size_t most_bytes) {
    if (response.failure == net::TransferFailure::too_large) {
        return {Code::too_large, fmt::format("Prometheus answered over {} bytes", most_bytes)};
    }
    const std::string words = printable(response.failure_text, 120);
    return {
        net::code_of(response.failure),
        fmt::format(
            "no answer from Prometheus: {}{}{}{}",
            to_string(response.failure),
            words.empty() ? "" : ", ",
            words,
            net::reach_advice(response)
        )
    };
}

/// An answer for the wrong hour looks like any other; only the server's date shows the error.
Result<Answer> timely(Result<Answer> answer, const net::ClientResponse& response, WallTime asked) {
    constexpr auto k_most_apart = std::chrono::seconds(30); // less than two usual scrapes
    const auto date = net::parse_http_date(trim(response.headers.get("date").value_or("")));
    const WallTime now = std::chrono::system_clock::now();
    if (!answer || !date || (*date >= asked - k_most_apart && *date <= now + k_most_apart)) {
        return answer;
    }
    const auto apart = std::chrono::round<std::chrono::seconds>(*date - now);
    return fail(
        Code::precondition,
        fmt::format(
            "this machine's clock is {} {} Prometheus's, so it would be asked about another time",
            format_duration(std::chrono::abs(apart)),
            *date > now ? "behind" : "ahead of"
        ),
        {},
        "set the wrong clock (timedatectl)"
    );
}

} // namespace

std::string untimely(const Answer& answer, double asked_s) {
    constexpr double k_most_apart_s = 1; // Prometheus returns the requested time, to the ms
    constexpr double k_longest_s = 1e9;
    for (const Series& series : answer.series) {
        const double apart = series.points.back().at_s - asked_s;
        const bool early = answer.type == ResultType::vector && apart < -k_most_apart_s;
        if (early || apart > k_most_apart_s) {
            return fmt::format(
                "Prometheus answered with a value {} {} the time that was asked for",
                format_duration(Millis(std::llround(std::min(std::abs(apart), k_longest_s) * 1000))
                ),
                early ? "before" : "after"
            );
        }
    }
    return {};
}

Calls::Calls(net::HttpClient& client, const PrometheusOptions& options)
    : client_(client), options_(options), until_(Clock::now() + options.deadline) {
}

net::ClientRequest Calls::request(
    std::string_view path, const Parameters& parameters, Millis left, Secret bearer
) const {
    net::ClientRequest out;
    out.url = fmt::format("{}/api/v1/{}", options_.url, path);
    char before = '?';
    for (const auto& [name, value] : parameters) {
        out.url += fmt::format("{}{}={}", before, name, percent_encode(value));
        before = '&';
    }
    out.headers = options_.headers;
    out.headers.set("accept", "application/json");
    out.bearer = std::move(bearer);
    if (!options_.user.empty()) {
        const std::string both = fmt::format("{}:{}", options_.user, options_.password.reveal());
        out.headers.add("authorization", "Basic " + base64(both));
    }
    out.ca_file = options_.ca_file;
    out.cert_file = options_.cert_file;
    out.key_file = options_.key_file;
    out.total_timeout = std::min(options_.timeout, left);
    out.connect_timeout = std::min(Millis(5000), out.total_timeout);
    out.first_byte_timeout = out.idle_timeout = out.total_timeout;
    out.max_body = options_.limits.bytes;
    return out;
}

Task<Result<Answer>> Calls::call(std::string_view path, Parameters parameters, ResultType type) {
    const std::string where = fmt::format("{}/api/v1/{}", options_.url, path);
    net::RetryPauses pauses(options_.backoff, k_longest_backoff);
    bool refused = false;
    Error last{Code::timeout, "no time was left to query Prometheus"};
    for (int attempt = 1; attempt <= k_attempts; ++attempt) {
        const auto left = std::chrono::duration_cast<Millis>(until_ - Clock::now());
        if (left <= Millis(0)) {
            break;
        }
        Secret bearer = options_.bearer;
        if (options_.token) {
            OA_CO_TRY(bearer, co_await options_.token(refused));
        }
        const WallTime asked = std::chrono::system_clock::now();
        auto response = co_await client_.fetch(request(path, parameters, left, bearer));
        forget(response.body, bearer);
        constexpr int k_ended = 401;
        if (options_.token && response.status == k_ended && !std::exchange(refused, true)) {
            continue; // the token may have expired: a new one is requested once
        }
        forget(response.body, options_.password);
        for (const Secret& secret : options_.hidden) {
            forget(response.body, secret);
        }
        if (response.failure == net::TransferFailure::none) {
            auto answer = parse_answer(response.status, response.body, type, options_.limits);
            answer = timely(std::move(answer), response, asked);
            if (answer) {
                co_return answer;
            }
            last = std::move(answer).error();
        } else if (left < options_.timeout && net::code_of(response.failure) == Code::timeout) {
            // The remaining time was what earlier queries left, not a configured timeout.
            last = {
                Code::timeout,
                fmt::format(
                    "no answer from Prometheus within {} for all queries of one question",
                    format_duration(options_.deadline)
                )
            };
        } else {
            last = lost(response, options_.limits.bytes);
        }
        last.where = where;
        const WallTime now = std::chrono::system_clock::now();
        const Millis wait = pauses.next(net::retry_after(response.headers, now));
        // A query that took too long is also answered with 503.
        const bool slow =
            response.failure == net::TransferFailure::none && last.code != Code::unavailable;
        if (slow || !net::may_pass(response) || Clock::now() + wait >= until_) {
            break;
        }
        if (attempt < k_attempts && !co_await sleep_for(wait)) {
            co_return fail(Code::cancelled, "given up while waiting for Prometheus");
        }
    }
    co_return std::unexpected(std::move(last));
}

Task<Result<Answer>> Calls::instant(std::string query, double at_s, ResultType type) {
    Parameters parameters{{"query", std::move(query)}, {"time", fmt::format("{:.3f}", at_s)}};
    return call("query", std::move(parameters), type);
}

Task<Result<Answer>> Calls::range(std::string query, Span span, double step_s) {
    Parameters parameters{
        {"query", std::move(query)},
        {"start", fmt::format("{:.3f}", span.from_s)},
        {"end", fmt::format("{:.3f}", span.to_s)},
        {"step", fmt::format("{:.3f}", step_s)},
    };
    return call("query_range", std::move(parameters), ResultType::matrix);
}

} // namespace oa_stream::measure::prometheus
