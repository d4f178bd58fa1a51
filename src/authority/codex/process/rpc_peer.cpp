#include "rpc_peer.hpp"

#include "oa_stream/base/json_bounds.hpp"
#include "oa_stream/base/text.hpp"

#include "signal.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <utility>

namespace oa_stream::authority {

namespace {

// Results of MCP tools may nest deeply; the JSON library overflows only far beyond this.
constexpr JsonLimits k_line_limits{.depth = 256};

} // namespace

Result<Json> settle(RpcOutcome outcome, std::string_view method) {
    if (auto* refusal = std::get_if<Refusal>(&outcome)) {
        return std::unexpected(error_of(*refusal, method));
    }
    if (auto* error = std::get_if<Error>(&outcome)) {
        return std::unexpected(std::move(*error));
    }
    return std::get<Json>(std::move(outcome));
}

bool is_refusal(const RpcOutcome& outcome, RefusalKind kind) noexcept {
    const auto* refusal = std::get_if<Refusal>(&outcome);
    return refusal != nullptr && kind_of(*refusal) == kind;
}

RpcPeer::RpcPeer(asio::any_io_executor executor, RpcHandlers handlers)
    : executor_(std::move(executor)), handlers_(std::move(handlers)) {
}

Task<RpcOutcome>
RpcPeer::call(std::string method, Json params, Millis deadline, std::string traceparent) {
    const std::int64_t id = next_id_++;
    auto slot = std::make_shared<Slot>(executor_);
    if (failed_) {
        slot->outcome = *failed_;
    } else {
        slot->timer.expires_after(deadline);
        slots_.emplace(id, slot);
        Json message = Json::object({{"method", std::move(method)}, {"id", id}});
        message["params"] = std::move(params);
        if (!traceparent.empty()) {
            message["trace"] = Json::object({{"traceparent", std::move(traceparent)}});
        }
        handlers_.send(dump_json(message));
    }
    return wait(shared_from_this(), id, std::move(slot));
}

Task<RpcOutcome>
RpcPeer::wait(std::shared_ptr<RpcPeer> self, std::int64_t id, std::shared_ptr<Slot> slot) {
    if (!slot->outcome) {
        co_await slot->timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    self->slots_.erase(id);
    if (auto& outcome = slot->outcome) {
        co_return std::move(*outcome);
    }
    if (is_set(co_await asio::this_coro::cancellation_state)) {
        co_return Error{.code = Code::cancelled, .message = "cancelled"};
    }
    ++self->timeouts_;
    co_return Error{.code = Code::timeout, .message = "codex did not answer in time"};
}

void RpcPeer::notify(std::string_view method) {
    if (!failed_) {
        handlers_.send(dump_json(Json::object({{"method", method}})));
    }
}

void RpcPeer::on_line(std::string_view line) {
    auto parsed = parse_any_json(line, k_line_limits);
    if (!parsed) {
        handlers_.nonsense(fmt::format("{} bytes, {}", line.size(), parsed.error().message));
        return;
    }
    const auto method = string_member(*parsed, "method");
    const Json* id = member(*parsed, "id");
    if (method && id != nullptr) {
        on_request(*method, *parsed, *id);
    } else if (method) {
        handlers_.notification(*method, *parsed);
    } else if (id != nullptr) {
        on_reply(*parsed, id->is_number_integer() ? id->get<std::int64_t>() : 0);
    } else {
        handlers_.nonsense(fmt::format("{} bytes, neither method nor id", line.size()));
    }
}

void RpcPeer::on_request(std::string_view method, const Json& message, const Json& id) {
    const Json* params = member(message, "params");
    auto reply = handlers_.request(method, params == nullptr ? Json::object() : *params, id);
    if (reply) {
        answer(id, *std::move(reply));
    }
}

void RpcPeer::answer(const Json& id, Json body) {
    if (!failed_) {
        body["id"] = id;
        handlers_.send(dump_json(body));
    }
}

void RpcPeer::on_reply(Json& message, std::int64_t id) {
    if (const Json* error = member(message, "error")) {
        const Refusal refusal{
            .code = int_member(*error, "code").value_or(0),
            .message = std::string(string_member(*error, "message").value_or(""))
        };
        settle_call(id, refusal);
    } else if (const auto result = message.find("result"); result != message.end()) {
        settle_call(id, std::move(*result));
    } else {
        const Error bare{.code = Code::protocol, .message = "codex replied without a result"};
        settle_call(id, bare);
    }
}

void RpcPeer::settle_call(std::int64_t id, RpcOutcome outcome) {
    const auto found = slots_.find(id);
    if (found != slots_.end() && !found->second->outcome) { // otherwise its caller no longer waits
        found->second->outcome = std::move(outcome);
        found->second->timer.cancel();
    }
}

bool RpcPeer::on_overlong(std::string_view begin) {
    constexpr std::string_view k_head = R"({"id":)"; // as codex 0.169.0 and 0.171.0 write it
    if (!begin.starts_with(k_head)) {
        return false;
    }
    begin.remove_prefix(k_head.size());
    const std::string_view number = begin.substr(0, begin.find(','));
    const auto id = number_of<std::int64_t>(number);
    if (!id || !begin.substr(number.size()).starts_with(R"(,"result":)")) {
        return false;
    }
    settle_call(*id, Error{.code = Code::too_large, .message = "codex's answer is too long"});
    return true;
}

void RpcPeer::fail_all(const Error& why) {
    failed_ = why;
    for (const auto& [id, slot] : slots_) {
        if (!slot->outcome) {
            slot->outcome = why;
        }
        slot->timer.cancel();
    }
}

} // namespace oa_stream::authority
