// One life of one app-server child: its pipes, the request table on them, and its end.
#pragma once

#include "oa_stream/authority/codex.hpp"
#include "oa_stream/base/child.hpp"

#include "line_splitter.hpp"
#include "rpc_peer.hpp"
#include "signal.hpp"

#include <deque>
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

class CodexLink : public std::enable_shared_from_this<CodexLink> {
public:
    [[nodiscard]] static Result<std::shared_ptr<CodexLink>> spawn(
        const asio::any_io_executor& executor,
        ChildOptions child,
        std::size_t line_bytes,
        LinkHandlers handlers
    );

    [[nodiscard]] RpcPeer& rpc() noexcept { return *rpc_; }
    [[nodiscard]] int pid() const noexcept { return child_->pid(); }
    [[nodiscard]] bool lost() const noexcept { return lost_; }
    /// The last lines of stderr, for the message about a child that did not start.
    [[nodiscard]] const std::string& stderr_tail() const noexcept { return stderr_tail_; }
    [[nodiscard]] std::optional<ChildExit> exited() const noexcept { return child_->exited(); }

    /// When its newest output came; at first, when it was started.
    [[nodiscard]] Clock::time_point heard() const noexcept { return heard_; }

    /// Returns when all of stderr was read, or at `deadline`.
    [[nodiscard]] static Task<void>
    last_words(std::shared_ptr<CodexLink> self, Clock::time_point deadline);

    /// Ends the child at once; LinkHandlers::lost is called with `why` before this returns.
    void kill(const Error& why);
    /// As kill(), with `grace` between TERM and KILL for what it has not written down yet. A
    /// stopped process takes only the second, so it runs nothing of what waits in its pipe.
    void retire(const Error& why, Millis grace);
    /// Returns once the process has ended.
    [[nodiscard]] static Task<void> gone(std::shared_ptr<CodexLink> self);
    /// End of input (codex exits within 100 ms), then TERM, then KILL. The child is reaped.
    [[nodiscard]] static Task<void> close(std::shared_ptr<CodexLink> self, Millis grace);

private:
    CodexLink(const asio::any_io_executor& executor, std::size_t line_bytes, LinkHandlers handlers);
    void run(std::unique_ptr<Child> child);
    void send(std::string line);
    void end(const Error& why, int signal);
    [[nodiscard]] Error death() const;
    void keep_tail(std::string_view line);
    [[nodiscard]] static Task<void> read_loop(std::shared_ptr<CodexLink> self);
    [[nodiscard]] static Task<void> write_loop(std::shared_ptr<CodexLink> self);
    [[nodiscard]] static Task<void> stderr_loop(std::shared_ptr<CodexLink> self);
    [[nodiscard]] static Task<void> stop_within(std::shared_ptr<CodexLink> self, Millis grace);
    [[nodiscard]] static Task<void> exit_watch(std::shared_ptr<CodexLink> self);

    asio::any_io_executor executor_;
    LinkHandlers handlers_;
    std::size_t line_bytes_;
    LineSplitter lines_;
    std::unique_ptr<Child> child_{};
    std::shared_ptr<RpcPeer> rpc_{};
    std::deque<std::string> out_{};
    std::size_t out_bytes_ = 0;
    Signal changed_; ///< something to write, or an end
    std::string stderr_tail_{};
    Clock::time_point heard_ = Clock::now();
    bool lost_ = false;
    bool silent_ = false; ///< stderr has ended
};

} // namespace oa_stream::authority
