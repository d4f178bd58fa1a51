// Delivers one event to one hook.
#include "oa_stream/base/child.hpp"
#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/redact.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/net/retry_after.hpp"

#include "hooks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace oa_stream::playbook {
namespace {

constexpr std::size_t k_most_output = 64U << 10U;
constexpr Millis k_first_pause{500};
constexpr Millis k_longest_pause{10'000};

/// "whsec_" and base64, the form in which Standard Webhooks keys are handed out; any other key is
/// used unchanged.
std::string key_bytes(std::string_view key) {
    constexpr std::string_view k_prefix = "whsec_";
    if (!key.starts_with(k_prefix)) {
        return std::string(key);
    }
    std::string text(key.substr(k_prefix.size()));
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    while (text.ends_with('=')) {
        text.pop_back();
    }
    return base64url_decoded(text).value_or(std::string(key));
}

net::ClientRequest
request_for(const HookSpec& hook, const HookSecrets& secrets, const std::string& id) {
    net::ClientRequest out;
    out.method = "POST";
    out.url = hook.webhook.empty() ? std::string(secrets.url.reveal()) : hook.webhook;
    out.ca_file = hook.ca;
    out.headers.add("content-type", "application/json");
    out.headers.add("webhook-id", id);
    out.max_body = k_most_output;
    return out;
}

/// Each retry is signed again: a receiver rejects old time stamps.
void sign(net::ClientRequest& request, const HookSecrets& secrets, const std::string& id) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
    request.headers.set("webhook-timestamp", fmt::format("{}", seconds));
    if (!secrets.key.empty()) {
        const std::string content = fmt::format("{}.{}.{}", id, seconds, request.body);
        const std::string mac = hmac_sha256(key_bytes(secrets.key.reveal()), content);
        request.headers.set("webhook-signature", "v1," + base64(mac));
    }
}

std::string text_of_failure(const net::ClientResponse& response) {
    return response.status != 0
               ? fmt::format("HTTP {}", response.status)
               : fmt::format("{}: {}", to_string(response.failure), response.failure_text);
}

/// Values that the operator passed to the program through the environment may be secrets, whatever
/// their names.
Redactor redactor_of(const HookSpec& hook, const std::map<std::string, std::string>& env) {
    Redactor out;
    for (const std::string& name : hook.env) {
        if (const auto given = env.find(name); given != env.end()) {
            out.add_known(Secret(given->second));
        }
    }
    return out;
}

std::string tries_text(int tries) {
    return tries == 1 ? "" : fmt::format(", {} tries", tries);
}

} // namespace

Task<Result<std::string>> deliver_to_program(
    asio::any_io_executor executor, HookSpec hook, std::string event, std::string body
) {
    ProgramCall call;
    call.argv = hook.run;
    call.env = inherited_env({"PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR"});
    for (const std::string& name : hook.env) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing sets it
        if (const char* value = std::getenv(name.c_str())) {
            call.env[name] = value;
        }
    }
    call.env["OA_STREAM_EVENT"] = std::move(event);
    call.input = std::move(body) + "\n";
    call.limit = hook.timeout;
    call.most_output = k_most_output;
    const Redactor redactor = redactor_of(hook, call.env);
    auto end = co_await call_program(executor, std::move(call));
    if (!end) {
        end.error().message = redactor.apply(end.error().message);
        co_return std::unexpected(std::move(end).error());
    }
    if (!end->exit.clean()) {
        co_return fail(
            Code::precondition,
            fmt::format(
                "{}{}{}",
                end->exit.text(),
                end->last_line.empty() ? "" : ": ",
                redactor.apply(end->last_line)
            )
        );
    }
    co_return end->exit.text();
}

Task<Result<std::string>> deliver_to_server(
    std::shared_ptr<net::HttpClient> client,
    HookSpec hook,
    HookSecrets secrets,
    std::string id,
    std::string body
) {
    const auto deadline = Clock::now() + hook.timeout;
    net::RetryPauses pauses(k_first_pause, k_longest_pause);
    for (int tries = 1;; ++tries) {
        const auto left = std::chrono::duration_cast<Millis>(deadline - Clock::now());
        net::ClientRequest request = request_for(hook, secrets, id);
        request.body = body;
        // A receiver that is slow, for example because it asks a person, must not get the request
        // twice.
        request.total_timeout = std::max(Millis(1), left);
        request.first_byte_timeout = request.idle_timeout = Millis(0);
        sign(request, secrets, id);
        const auto response = co_await client->fetch(std::move(request));
        constexpr int k_good = 200;
        constexpr int k_moved = 300;
        constexpr int k_server_error = 500;
        if (response.status >= k_good && response.status < k_moved) {
            co_return fmt::format("HTTP {}{}", response.status, tries_text(tries));
        }
        const Millis pause =
            pauses.next(net::retry_after(response.headers, std::chrono::system_clock::now()));
        const bool retry = net::may_pass(response);
        if (!retry || Clock::now() + pause >= deadline) {
            const bool refused =
                !retry && response.status >= k_moved && response.status < k_server_error;
            co_return fail(
                refused ? Code::precondition : Code::unavailable,
                printable(text_of_failure(response) + tries_text(tries))
            );
        }
        (void)co_await sleep_for(pause);
    }
}

} // namespace oa_stream::playbook
