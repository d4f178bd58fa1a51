// One run of an operator's program, from start to the end of its process group.
#include "oa_stream/base/child.hpp"
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/text.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace oa_stream {
namespace {

constexpr std::size_t k_kept_stderr = 4096;
constexpr std::size_t k_line_limit = 300;
constexpr std::size_t k_drops = 0; ///< nothing of stdout is kept
/// A descendant that left the group can hold the pipes open after the program's end.
constexpr auto k_after_exit = Millis{250};

struct Running {
    Running(const asio::any_io_executor& executor, std::unique_ptr<Child> started)
        : child(std::move(started)), changed(executor) {}
    std::unique_ptr<Child> child; ///< null: given up, and with it the whole group
    asio::steady_timer changed; ///< cancelled whenever a part is done
    std::string output;
    std::string errors; ///< the last of it
    int open = 2;       ///< of stdout and stderr
    bool exited = false;
    bool too_much = false;
};

/// However the call ends, cancellation included, the group ends with it.
class GroupGuard {
public:
    explicit GroupGuard(std::shared_ptr<Running> running) : running_(std::move(running)) {}
    GroupGuard(const GroupGuard&) = delete;
    GroupGuard& operator=(const GroupGuard&) = delete;
    ~GroupGuard() { running_->child.reset(); }

private:
    std::shared_ptr<Running> running_;
};

Task<void> feed(std::shared_ptr<Running> running, std::string input) {
    // A program that does not read its input is none of our business.
    static_cast<void>(co_await running->child->write_stdin(std::move(input)));
    if (running->child) {
        running->child->close_stdin();
    }
}

Task<void> collect(std::shared_ptr<Running> running, std::size_t most) {
    while (running->child && !running->too_much) {
        const auto piece = co_await running->child->read_stdout();
        if (!piece || piece->empty()) {
            break;
        }
        if (most == k_drops) {
            continue;
        }
        running->too_much = running->output.size() + piece->size() > most;
        if (!running->too_much) {
            running->output += *piece;
        }
    }
    --running->open;
    running->changed.cancel();
}

Task<void> collect_errors(std::shared_ptr<Running> running) {
    while (running->child) {
        const auto piece = co_await running->child->read_stderr();
        if (!piece || piece->empty()) {
            break;
        }
        running->errors += *piece;
        if (running->errors.size() > k_kept_stderr) {
            running->errors.erase(0, running->errors.size() - k_kept_stderr);
        }
    }
    --running->open;
    running->changed.cancel();
}

Task<void> await_exit(std::shared_ptr<Running> running) {
    static_cast<void>(co_await running->child->wait());
    running->exited = true;
    running->changed.cancel();
}

/// True: it ended by itself.
Task<bool> await_end(std::shared_ptr<Running> running, Millis limit) {
    const auto deadline = Clock::now() + limit;
    auto hold_on = deadline;
    bool was_exited = false;
    while (!running->too_much && !(running->exited && running->open == 0)) {
        if (running->exited && !std::exchange(was_exited, true)) {
            hold_on = std::min(deadline, Clock::now() + k_after_exit);
        }
        const auto left = hold_on - Clock::now();
        if (left <= Clock::duration::zero()) {
            break;
        }
        running->changed.expires_after(left);
        co_await running->changed.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    co_return running->exited;
}

std::string last_line_of(std::string_view errors) {
    while (!errors.empty()) {
        const std::size_t cut = errors.find_last_of("\r\n");
        const auto line = trim(cut == std::string_view::npos ? errors : errors.substr(cut + 1));
        if (!line.empty()) {
            return printable(line, k_line_limit);
        }
        errors = cut == std::string_view::npos ? std::string_view{} : errors.substr(0, cut);
    }
    return {};
}

Result<std::unique_ptr<Child>> start(const asio::any_io_executor& executor, ProgramCall& call) {
    ChildOptions options;
    options.program = call.argv.front();
    options.args.assign(call.argv.begin() + 1, call.argv.end());
    options.env = std::move(call.env);
    options.pipe_stdin = true;
    auto child = Child::start(executor, std::move(options));
    if (!child) {
        return fail(Code::not_found, child.error().message);
    }
    return child;
}

} // namespace

Task<Result<ProgramEnd>> call_program(asio::any_io_executor executor, ProgramCall call) {
    OA_CO_TRY(std::unique_ptr<Child> child, start(executor, call));
    auto running = std::make_shared<Running>(executor, std::move(child));
    const GroupGuard guard(running);
    spawn(executor, "program input", feed(running, std::move(call.input)));
    const auto most = call.drops_output ? k_drops : call.most_output;
    spawn(executor, "program output", collect(running, most));
    spawn(executor, "program errors", collect_errors(running));
    spawn(executor, "program end", await_exit(running));

    const bool ended = co_await await_end(running, call.limit);
    if (running->too_much) {
        co_return fail(
            Code::too_large, fmt::format("it printed more than {} bytes", call.most_output)
        );
    }
    if (!ended) {
        static_cast<void>(co_await running->child->stop(k_program_grace));
        const std::string line = last_line_of(running->errors);
        co_return fail(
            Code::timeout,
            fmt::format(
                "not done within {}, ended by us{}{}",
                format_duration(call.limit),
                line.empty() ? "" : ": ",
                line
            )
        );
    }
    co_return ProgramEnd{
        running->child->exited().value_or(ChildExit{}),
        std::move(running->output),
        last_line_of(running->errors)
    };
}

} // namespace oa_stream
