// One connection to an app-server: its request table and its end. The other side is a child with
// pipes (child_link.hpp) or an operator's server over WebSocket (server/socket_link.hpp).
#pragma once

#include "oa_stream/authority/codex.hpp"
#include "oa_stream/base/child.hpp"

#include "rpc_peer.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace oa_stream::authority {

struct LinkHandlers {
    std::function<void(std::string_view method, const Json& message)> notification;
    /// Like RpcHandlers::request.
    std::function<std::optional<Json>(std::string_view method, const Json& params, const Json& id)>
        request;
    std::function<void(std::string_view line)> nonsense;
    std::function<void(std::string_view line)> stderr_line;
    /// Called once, when no more messages can arrive; every waiting request has already failed with
    /// `why`.
    std::function<void(const Error& why)> lost;
};

class CodexLink {
public:
    using Self = std::shared_ptr<CodexLink>;

    virtual ~CodexLink() = default;
    CodexLink(const CodexLink&) = delete;
    CodexLink& operator=(const CodexLink&) = delete;

    [[nodiscard]] RpcPeer& rpc() noexcept { return *rpc_; }
    [[nodiscard]] bool lost() const noexcept { return lost_; }
    /// Time of the newest output; initially the time of construction.
    [[nodiscard]] Clock::time_point heard() const noexcept { return heard_; }

    /// The other side, for the log: "pid 4711".
    [[nodiscard]] virtual std::string peer() const = 0;
    [[nodiscard]] virtual int pid() const noexcept { return 0; } ///< 0: not a child
    /// The last lines of stderr, for the error of a child that did not start.
    [[nodiscard]] virtual std::string_view stderr_tail() const noexcept { return {}; }
    [[nodiscard]] virtual std::optional<ChildExit> exited() const noexcept { return {}; }

    /// Kills a child or cuts the connection at once; calls LinkHandlers::lost with `why` before it
    /// returns.
    virtual void kill(const Error& why) = 0;
    /// Like kill(), but a child gets `grace` between TERM and KILL to write what it has buffered. A
    /// stopped process reacts to KILL only, so it runs no requests that wait in its pipe.
    virtual void retire(const Error& why, Millis grace) = 0;

    /// Returns when stderr was read to its end, or at `deadline`.
    [[nodiscard]] static Task<void> last_words(Self self, Clock::time_point deadline) {
        co_await self->read_last_words(deadline);
    }
    /// Returns when the child's process has exited; at once without a child.
    [[nodiscard]] static Task<void> gone(Self self) { co_await self->wait_gone(); }
    /// A child gets the end of its input (codex exits within 100 ms), then TERM, then KILL, and is
    /// reaped. A server is only disconnected: its turns continue.
    [[nodiscard]] static Task<void> close(Self self, Millis grace) {
        co_await self->close_within(grace);
    }

protected:
    explicit CodexLink(LinkHandlers handlers) : handlers_(std::move(handlers)) {}

    [[nodiscard]] virtual Task<void> read_last_words(Clock::time_point deadline) = 0;
    [[nodiscard]] virtual Task<void> wait_gone() = 0;
    [[nodiscard]] virtual Task<void> close_within(Millis grace) = 0;

    LinkHandlers handlers_;
    std::shared_ptr<RpcPeer> rpc_{};
    Clock::time_point heard_ = Clock::now();
    bool lost_ = false;
};

} // namespace oa_stream::authority
