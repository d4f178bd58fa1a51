// One life of one connection to an app-server: the request table on it, and its end. It is a child
// with its pipes (child_link.hpp) or a WebSocket to a server that somebody else runs
// (server/socket_link.hpp).
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
    /// As RpcHandlers::request.
    std::function<std::optional<Json>(std::string_view method, const Json& params, const Json& id)>
        request;
    std::function<void(std::string_view line)> nonsense;
    std::function<void(std::string_view line)> stderr_line;
    /// Once, as soon as nothing more can come; every waiting request has failed with it already.
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
    /// When its newest output came; at first, when it was made.
    [[nodiscard]] Clock::time_point heard() const noexcept { return heard_; }

    /// Who is at the other end, for the log: "pid 4711".
    [[nodiscard]] virtual std::string peer() const = 0;
    [[nodiscard]] virtual int pid() const noexcept { return 0; } ///< 0: no child of ours
    /// The last lines of stderr, for the message about a child that did not start.
    [[nodiscard]] virtual std::string_view stderr_tail() const noexcept { return {}; }
    [[nodiscard]] virtual std::optional<ChildExit> exited() const noexcept { return {}; }

    /// Ends a child, or cuts the connection, at once; LinkHandlers::lost is called with `why`
    /// before this returns.
    virtual void kill(const Error& why) = 0;
    /// As kill(), with `grace` for a child between TERM and KILL for what it has not written down
    /// yet. A stopped process takes only the second, so it runs nothing of what waits in its pipe.
    virtual void retire(const Error& why, Millis grace) = 0;

    /// Returns when all of stderr was read, or at `deadline`.
    [[nodiscard]] static Task<void> last_words(Self self, Clock::time_point deadline) {
        co_await self->read_last_words(deadline);
    }
    /// Returns once a child's process has ended; at once without a child.
    [[nodiscard]] static Task<void> gone(Self self) { co_await self->wait_gone(); }
    /// A child gets the end of its input (codex exits within 100 ms), then TERM, then KILL, and is
    /// reaped. A server is only left: what runs there runs on.
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
