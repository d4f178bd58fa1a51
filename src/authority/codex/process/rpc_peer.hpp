// JSON-RPC in codex's form: requests with deadlines, replies in any order, server-initiated
// requests with their own ids (distinguished by "method"), notifications. No I/O: lines in, lines
// out.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/base/task.hpp"

#include "codex/codex_refusals.hpp"

#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace oa_stream::authority {

/// The result, codex's refusal, or an error: Code::timeout, Code::unavailable (the connection is
/// lost), Code::too_large (the result exceeds the limit of a message), Code::cancelled.
using RpcOutcome = std::variant<Json, Refusal, Error>;

/// Converts a refusal to an error by the table of codex_refusals.hpp.
[[nodiscard]] Result<Json> settle(RpcOutcome outcome, std::string_view method);
[[nodiscard]] bool is_refusal(const RpcOutcome& outcome, RefusalKind kind) noexcept;

struct RpcHandlers {
    std::function<void(std::string line)> send; ///< sends one line without its end
    std::function<void(std::string_view method, const Json& message)> notification;
    /// → {"result"|"error"}; nullopt: answer() will be called with this id
    std::function<std::optional<Json>(std::string_view method, const Json& params, const Json& id)>
        request;
    /// An invalid line: gets its length and the reason. Not its text, which may quote the
    /// conversation.
    std::function<void(std::string_view what)> nonsense;
};

class RpcPeer : public std::enable_shared_from_this<RpcPeer> {
public:
    RpcPeer(asio::any_io_executor executor, RpcHandlers handlers);

    /// Sends a request and waits for its reply. A `traceparent` that is not empty is included.
    [[nodiscard]] Task<RpcOutcome>
    call(std::string method, Json params, Millis deadline, std::string traceparent = {});
    void notify(std::string_view method);
    /// The late reply to a request of the other side. `body`: {"result"|"error"}.
    void answer(const Json& id, Json body);

    /// One received line.
    void on_line(std::string_view line);
    /// The beginning of an overlong line. True: it is a reply, and only its call fails.
    [[nodiscard]] bool on_overlong(std::string_view begin);
    /// Every waiting and later call fails with `why`.
    void fail_all(const Error& why);

    [[nodiscard]] std::size_t waiting() const noexcept { return slots_.size(); }
    [[nodiscard]] std::uint64_t timeouts() const noexcept { return timeouts_; }

private:
    struct Slot {
        explicit Slot(const asio::any_io_executor& executor) : timer(executor) {}
        asio::steady_timer timer; ///< expires at the deadline; cancelled when the outcome arrives
        std::optional<RpcOutcome> outcome{};
    };
    void on_reply(Json& message, std::int64_t id);
    void settle_call(std::int64_t id, RpcOutcome outcome);
    void on_request(std::string_view method, const Json& message, const Json& id);
    [[nodiscard]] static Task<RpcOutcome>
    wait(std::shared_ptr<RpcPeer> self, std::int64_t id, std::shared_ptr<Slot> slot);

    asio::any_io_executor executor_;
    RpcHandlers handlers_;
    std::map<std::int64_t, std::shared_ptr<Slot>> slots_{};
    std::optional<Error> failed_{};
    std::int64_t next_id_ = 1;
    std::uint64_t timeouts_ = 0;
};

} // namespace oa_stream::authority
