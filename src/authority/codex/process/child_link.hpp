// The pipes and the end of one app-server child process.
#pragma once

#include "codex_link.hpp"
#include "line_splitter.hpp"
#include "signal.hpp"

#include <deque>

namespace oa_stream::authority {

class ChildLink final : public CodexLink, public std::enable_shared_from_this<ChildLink> {
public:
    [[nodiscard]] static Result<std::shared_ptr<CodexLink>> spawn(
        const asio::any_io_executor& executor,
        ChildOptions child,
        std::size_t line_bytes,
        LinkHandlers handlers
    );

    [[nodiscard]] std::string peer() const override;
    [[nodiscard]] int pid() const noexcept override { return child_->pid(); }
    [[nodiscard]] std::string_view stderr_tail() const noexcept override { return stderr_tail_; }
    [[nodiscard]] std::optional<ChildExit> exited() const noexcept override {
        return child_->exited();
    }
    void kill(const Error& why) override;
    void retire(const Error& why, Millis grace) override;

private:
    ChildLink(const asio::any_io_executor& executor, std::size_t line_bytes, LinkHandlers handlers);
    [[nodiscard]] Task<void> read_last_words(Clock::time_point deadline) override;
    [[nodiscard]] Task<void> wait_gone() override;
    [[nodiscard]] Task<void> close_within(Millis grace) override;
    void run(std::unique_ptr<Child> child);
    void send(std::string line);
    void end(const Error& why, int signal);
    [[nodiscard]] Error death() const;
    void keep_tail(std::string_view line);
    [[nodiscard]] static Task<void> read_loop(std::shared_ptr<ChildLink> self);
    [[nodiscard]] static Task<void> write_loop(std::shared_ptr<ChildLink> self);
    [[nodiscard]] static Task<void> stderr_loop(std::shared_ptr<ChildLink> self);
    [[nodiscard]] static Task<void> stop_within(std::shared_ptr<ChildLink> self, Millis grace);
    [[nodiscard]] static Task<void> exit_watch(std::shared_ptr<ChildLink> self);

    asio::any_io_executor executor_;
    std::size_t line_bytes_;
    LineSplitter lines_;
    std::unique_ptr<Child> child_{};
    std::deque<std::string> out_{};
    std::size_t out_bytes_ = 0;
    Signal changed_; ///< something to write, or an end
    std::string stderr_tail_{};
    bool silent_ = false; ///< stderr has ended
};

} // namespace oa_stream::authority
