#include "control_client.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/url.hpp"
#include "oa_stream/net/oa_headers.hpp"
#include "oa_stream/net/retry_after.hpp"
#include "oa_stream/net/token_source.hpp"

#include "control_answers.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace oa_stream::authority {

namespace {

constexpr std::array k_pauses{Millis(200), Millis(400), Millis(800)};
/// A refused build stays refused; no request is sent for this long.
constexpr Millis k_final{60'000};
constexpr std::string_view k_base = "/api/runtime/codex/workers/";
constexpr std::string_view k_refused = "control refuses the token";

/// There is no answer: the connection broke, or could not be opened.
bool broke(net::TransferFailure failure) noexcept {
    using enum net::TransferFailure;
    return failure != none && failure != first_byte_timeout && failure != idle_timeout &&
           failure != total_timeout && failure != too_large && failure != cancelled;
}

/// No connection was opened, so the command was not sent.
bool never_arrived(net::TransferFailure failure) noexcept {
    using enum net::TransferFailure;
    return failure == dns || failure == refused || failure == tls || failure == connect_timeout;
}

/// The service failed, or the answer is not its own: the command may or may not have been executed.
bool unclear(int status, const Json& body) noexcept {
    return status == 0 || status >= 500 || (status == 200 && body.is_null());
}

bool timed_out(net::TransferFailure failure) noexcept {
    using enum net::TransferFailure;
    return failure == first_byte_timeout || failure == idle_timeout || failure == total_timeout;
}

/// An earlier attempt may have been executed, whatever this one returned; not if the thread is
/// unknown.
std::unexpected<Error> in_doubt(Error error, bool doubtful) {
    if (doubtful && error.where != ControlClient::k_thread) {
        error.where = ControlClient::k_unclear;
    }
    return std::unexpected(std::move(error));
}

} // namespace

ControlClient::ControlClient(
    const asio::any_io_executor& executor, std::shared_ptr<const WorkerOptions> options
)
    : options_(std::move(options)), http_(net::HttpClient::make(executor)),
      token_(executor, *http_, options_->auth), minute_(options_->requests_per_minute) {
}

std::string ControlClient::new_request_id() {
    return "oas_" + random_hex(16);
}

std::string ControlClient::worker_url(std::string_view tail) const {
    return fmt::format(
        "{}{}{}{}", options_->control_url, k_base, percent_encode(options_->worker), tail
    );
}

net::ClientRequest ControlClient::request_to(
    const std::string& method, const std::string& url, const std::string& body
) const {
    net::ClientRequest request;
    request.method = method;
    request.url = url;
    request.body = body;
    request.ca_file = options_->ca_file;
    request.connect_timeout = options_->deadlines.request;
    request.first_byte_timeout = options_->deadlines.request;
    request.idle_timeout = options_->deadlines.request;
    request.headers = {
        {"accept", "application/json"},
        {"x-request-id", "req_" + random_hex(8)},
        {"x-client", "oa-stream"}
    };
    net::CompatIdentity{.build = options_->client_build}.add_to(request.headers);
    if (!body.empty()) {
        request.headers.add("content-type", "application/json");
    }
    return request;
}

std::string ControlClient::refusal() const {
    return Clock::now() < refused_until_ ? refusal_ : std::string();
}

Task<Result<ControlClient::Answer>> ControlClient::call(
    Self self, std::string method, std::string url, std::string body, std::string trace, bool large
) {
    for (int attempt = 1;; ++attempt) {
        if (const auto why = self->refusal(); !why.empty()) {
            co_return fail(Code::unavailable, why);
        }
        auto request = self->request_to(method, url, body);
        if (!large) {
            request.total_timeout = 2 * self->options_->deadlines.request;
        }
        if (!trace.empty()) {
            request.headers.add("traceparent", trace);
        }
        if (!self->reader_.empty()) {
            // The token may read but not send commands; only a new read of its source can bring
            // another one.
            self->token_.refused();
        }
        OA_CO_TRY(const Secret token, co_await self->token_.get());
        self->used_ = token;
        request.bearer = token;
        const auto response = co_await self->http_->fetch(std::move(request));
        if (const auto date = net::parse_http_date(response.headers.get("date").value_or(""))) {
            self->ahead_ =
                std::chrono::duration_cast<Millis>(*date - std::chrono::system_clock::now());
        }
        Answer answer{
            .status = response.status,
            .failure = response.failure,
            .token = token,
            .wait = net::retry_after(response.headers, std::chrono::system_clock::now())
        };
        if (auto json = parse_json(response.body)) {
            answer.body = *std::move(json);
        }
        if (answer.failure == net::TransferFailure::cancelled) {
            co_return fail(Code::cancelled, "cancelled");
        }
        if (answer.status != 401 || attempt == 2) {
            co_return answer;
        }
        self->token_.refused();
    }
}

Task<Result<std::optional<WallTime>>> ControlClient::token_end(Self self) {
    OA_CO_TRY(const Secret token, co_await self->token_.get());
    co_return net::token_end(token.reveal());
}

Task<bool> ControlClient::replaced(Self self) {
    co_return co_await self->token_.replaced();
}

/// A personal token may read workers but not command them, and so may a token whose session ended.
/// Both are retried after a while, because the service may accept them by then.
std::string ControlClient::commands_refusal() const {
    const bool same = !reader_.empty() && reader_.equals(used_.reveal());
    return same && Clock::now() < reader_until_ ? std::string(k_refused) : refusal();
}

Error ControlClient::refused(const Answer& answer) {
    if (answer.status == 401) {
        token_.refused(); // the next call reads it again, in case it was replaced
        return {Code::credentials, std::string(k_refused)};
    }
    if (answer.status == 426) {
        refusal_ = compat_text(answer.body);
        refused_until_ = Clock::now() + k_final;
        return {Code::unavailable, refusal_};
    }
    if (answer.status == 429) {
        std::optional<std::int64_t> seconds = retry_seconds(text_view_in(answer.body, "message"));
        if (!seconds && answer.wait) { // a gateway's Retry-After
            seconds = std::chrono::ceil<std::chrono::seconds>(*answer.wait).count();
        }
        return {
            Code::unavailable,
            "control limits requests",
            seconds ? fmt::format("retry_after:{}", *seconds) : std::string()
        };
    }
    if (answer.status == 200) { // an HTML page, or unrelated JSON
        return {Code::unavailable, "another service than control answers at its address"};
    }
    // A gateway without a route to the service also answers 404, with its own body.
    const auto code = text_in(object_in(answer.body, "error"), "code");
    return {
        answer.status == 404 && code == "not_found" ? Code::not_found : Code::unavailable,
        answer.status == 0 ? fmt::format("control: {}", net::to_string(answer.failure))
                           : fmt::format("control answered {}", answer.status)
    };
}

Task<Result<WorkerSnapshot>> ControlClient::snapshot(Self self) {
    OA_CO_TRY(const auto answer, co_await call(self, "GET", self->worker_url(), {}, {}));
    const Json* data = answer.status == 200 ? member(answer.body, "data") : nullptr;
    if (data == nullptr) {
        co_return std::unexpected(self->refused(answer));
    }
    co_return read_snapshot(*data);
}

Task<Result<WorkerLog>> ControlClient::log(Self self, std::uint64_t cursor) {
    const auto url = self->worker_url(fmt::format("/stream?cursor={}", cursor));
    OA_CO_TRY(auto answer, co_await call(self, "GET", url, {}, {}, true));
    const auto data = answer.body.is_object() ? answer.body.find("data") : answer.body.end();
    if (answer.status != 200 || data == answer.body.end()) {
        co_return std::unexpected(self->refused(answer));
    }
    co_return read_log(std::move(*data));
}

Result<void> ControlClient::check_quota(std::size_t wanted, CommandMinute::Kind kind) {
    if (const auto wait = minute_.wait_for(wanted, kind, Clock::now())) {
        return fail(
            Code::unavailable,
            "the control service's limit of requests is used up",
            fmt::format("retry_after:{}", wait->count())
        );
    }
    return {};
}

Result<std::shared_ptr<CommandRoom>> ControlClient::reserve(Self self, std::size_t commands) {
    OA_CHECK(self->check_quota(commands, CommandMinute::Kind::act));
    return std::make_shared<CommandRoom>(std::move(self), commands);
}

Result<void> ControlClient::count(std::string_view method, CommandRoom* room) {
    const auto kind = CommandMinute::kind_of(method);
    if (room == nullptr || !room->use()) {
        OA_CHECK(check_quota(1, kind));
    }
    minute_.count(kind, Clock::now());
    return {};
}

Task<Result<Json>>
ControlClient::send(Self self, WorkerCommand command, std::shared_ptr<CommandRoom> room) {
    const std::string body = command_body(command);
    const std::string url = self->worker_url("/requests");
    const bool large = command.method == "thread/read" || command.method == "thread/resume";
    self->waiting_[command.request].reset();
    struct Forget {
        Self self;
        std::string request;
        Forget(Self s, std::string r) : self(std::move(s)), request(std::move(r)) {}
        Forget(const Forget&) = delete;
        Forget& operator=(const Forget&) = delete;
        ~Forget() { self->waiting_.erase(request); }
    };
    const Forget forget(self, command.request);
    bool doubtful = false; // an attempt may have been executed
    for (std::size_t attempt = 0;; ++attempt) {
        if (auto quota = self->count(command.method, room.get()); !quota) {
            co_return self->logged(command, in_doubt(std::move(quota).error(), doubtful));
        }
        auto answer = co_await call(self, "POST", url, body, command.traceparent, large);
        const auto event = self->waiting_[command.request];
        const bool whole =
            answer && answer->status == 200 && answer->failure == net::TransferFailure::none;
        if (event && !whole) {
            co_return self->logged(command, *event);
        }
        if (!answer) {
            co_return self->logged(command, in_doubt(std::move(answer).error(), doubtful));
        }
        const bool retry =
            broke(answer->failure) || (answer->failure == net::TransferFailure::none &&
                                       unclear(answer->status, answer->body));
        if (!retry || attempt == k_pauses.size()) {
            auto result = self->judge(*answer, command);
            if (!result) {
                result = in_doubt(std::move(result).error(), doubtful);
            } else if (event && !*event) {
                // After a receipt, worker.error ends the turn; before it, it is the answer.
                result = *event;
            }
            co_return self->logged(command, std::move(result));
        }
        doubtful = doubtful || !never_arrived(answer->failure);
        ++self->counts_.retried;
        if (!co_await sleep_for(k_pauses[attempt])) {
            co_return fail(Code::cancelled, "cancelled");
        }
    }
}

Result<Json> ControlClient::logged(const WorkerCommand& command, Result<Json> outcome) {
    ++(outcome ? counts_.done : counts_.failed)[command.method];
    return outcome;
}

Result<Json> ControlClient::judge(const Answer& answer, const WorkerCommand& command) {
    if (timed_out(answer.failure)) {
        return fail(
            Code::timeout, fmt::format("control did not answer {} in time", command.method)
        );
    }
    if (answer.status == 200 && answer.body.is_object()) {
        reader_ = Secret();
        return read_receipt(answer.body);
    }
    if (answer.status == 422) {
        const auto message = text_view_in(answer.body, "message");
        const auto most = most_characters(message);
        return fail(
            message.contains("exceeds") ? Code::too_large : Code::precondition,
            fmt::format("control refused {}", command.method),
            most ? fmt::format("most_characters:{}", *most) : std::string()
        );
    }
    if (answer.status == 401) {
        reader_ = answer.token;
        reader_until_ = Clock::now() + options_->deadlines.denied;
    }
    Error error = refused(answer);
    if (unclear(answer.status, answer.body)) {
        error.where = k_unclear;
    }
    return std::unexpected(std::move(error));
}

void ControlClient::settle(const std::string& request, CommandEvent how) {
    if (const auto found = waiting_.find(request); found != waiting_.end() && !found->second) {
        found->second = std::move(how);
    }
}

Task<Result<Secret>> ControlClient::mint(Self self) {
    const Json body = Json::object(
        {{"scopes", Json::array({"runtime.codex_worker_events"})}, {"ttl_seconds", 300}}
    );
    const std::string url = self->options_->control_url + "/api/sync/token";
    OA_CO_TRY(const auto answer, co_await call(self, "POST", url, dump_json(body), {}));
    const auto token = text_in(object_in(answer.body, "data"), "token");
    if (answer.status == 200 && !token.empty()) {
        co_return Secret(token);
    }
    auto error = self->refused(answer);
    if (answer.status == 403) {
        error = {Code::credentials, "control mints no sync token"};
    }
    co_return std::unexpected(std::move(error));
}

} // namespace oa_stream::authority
