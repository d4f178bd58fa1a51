#include "child_link.hpp"

#include "oa_stream/base/text.hpp"
#include "oa_stream/net/event_rate.hpp"

#include <fmt/format.h>

#include <csignal>
#include <utility>

namespace oa_stream::authority {

namespace {

/// unsent bytes; more means that the child stopped reading
constexpr std::size_t k_out_limit = 64U << 20U;
constexpr std::size_t k_tail = 2'000;
constexpr Millis k_last_words{250}; ///< from the end of the output to the end of the process
/// Between two reads of a child with much output: a wake-up for each delta costs more than the
/// delta.
constexpr Millis k_gather{4};
/// Lines per second. One chat stays below it, even with a fast model, so each of its deltas is
/// passed on at once.
constexpr std::size_t k_many = 500;
/// A quarter of a pipe: above it the next read does not wait.
constexpr std::size_t k_much = 16U << 10U;

/// Codex writes colour codes even into a pipe.
std::string without_colours(std::string_view line) {
    std::string out;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] != '\x1b') {
            out += line[i];
            continue;
        }
        const std::size_t end = line.find('m', i);
        i = end == std::string_view::npos ? line.size() : end;
    }
    return out;
}

} // namespace

ChildLink::ChildLink(
    const asio::any_io_executor& executor, std::size_t line_bytes, LinkHandlers handlers
)
    : CodexLink(std::move(handlers)), executor_(executor), line_bytes_(line_bytes),
      lines_(line_bytes), changed_(executor) {
}

Result<std::shared_ptr<CodexLink>> ChildLink::spawn(
    const asio::any_io_executor& executor,
    ChildOptions child,
    std::size_t line_bytes,
    LinkHandlers handlers
) {
    child.pipe_stdin = true;
    OA_TRY(auto started, Child::start(executor, std::move(child)));
    std::shared_ptr<ChildLink> link(new ChildLink(executor, line_bytes, std::move(handlers)));
    link->run(std::move(started));
    return link;
}

void ChildLink::run(std::unique_ptr<Child> child) {
    child_ = std::move(child);
    rpc_ = std::make_shared<RpcPeer>(
        executor_,
        RpcHandlers{
            .send = [this](std::string line) { send(std::move(line)); },
            .notification = handlers_.notification,
            .request = handlers_.request,
            .nonsense = handlers_.nonsense,
        }
    );
    oa_stream::spawn(executor_, "codex read loop", read_loop(shared_from_this()));
    oa_stream::spawn(executor_, "codex write loop", write_loop(shared_from_this()));
    oa_stream::spawn(executor_, "codex stderr loop", stderr_loop(shared_from_this()));
    oa_stream::spawn(executor_, "codex exit watch", exit_watch(shared_from_this()));
}

void ChildLink::send(std::string line) {
    if (lost_) {
        return;
    }
    line += '\n';
    out_bytes_ += line.size();
    if (out_bytes_ > k_out_limit) {
        kill(Error{.code = Code::unavailable, .message = "codex does not read its input"});
        return;
    }
    out_.push_back(std::move(line));
    changed_.notify();
}

void ChildLink::end(const Error& why, int signal) {
    if (std::exchange(lost_, true)) {
        return;
    }
    child_->signal(signal);
    rpc_->fail_all(why);
    changed_.notify();
    handlers_.lost(why);
}

void ChildLink::kill(const Error& why) {
    end(why, SIGKILL); // a child without its pipe is useless
}

void ChildLink::retire(const Error& why, Millis grace) {
    if (!lost_) {
        oa_stream::spawn(executor_, "codex retirement", stop_within(shared_from_this(), grace));
        end(why, 0); // stop_within() sends TERM; a second one would cut codex's own shutdown short
    }
}

Task<void> ChildLink::stop_within(std::shared_ptr<ChildLink> self, Millis grace) {
    co_await self->child_->stop(grace);
}

std::string ChildLink::peer() const {
    return fmt::format("pid {}", pid());
}

Task<void> ChildLink::wait_gone() {
    const auto self = shared_from_this();
    co_await self->child_->wait();
}

Task<void> ChildLink::close_within(Millis grace) {
    const auto self = shared_from_this();
    self->child_->close_stdin();
    const auto deadline = Clock::now() + grace / 2;
    while (!self->lost_ && Clock::now() < deadline) {
        co_await self->changed_.wait_until(deadline);
    }
    co_await self->child_->stop(grace / 2);
    self->kill(Error{.code = Code::unavailable, .message = "codex app-server was stopped"});
}

Task<void> ChildLink::read_loop(std::shared_ptr<ChildLink> self) {
    net::EventRate rate(k_many, Clock::now());
    auto pause = Millis(0);
    while (!self->lost_) {
        const auto bytes = co_await (
            pause > Millis(0) ? self->child_->read_stdout_after(pause) : self->child_->read_stdout()
        );
        if (!bytes || bytes->empty()) {
            break;
        }
        self->heard_ = Clock::now();
        std::size_t lines = 0;
        const auto on_line = [&](std::string_view line) {
            ++lines;
            if (!self->lost_) {
                self->rpc_->on_line(line);
            }
        };
        self->lines_.feed(*bytes, on_line, [&](std::string_view begin) {
            if (!self->rpc_->on_overlong(begin)) {
                self->kill(Error{
                    .code = Code::unavailable,
                    .message = fmt::format("codex sent a line beyond {} bytes", self->line_bytes_)
                });
            }
        });
        rate.add(lines, self->heard_);
        pause = rate.many() && bytes->size() < k_much ? k_gather : Millis(0);
    }
    // The pipe and the process of a dead child end together, in either order.
    const auto deadline = Clock::now() + k_last_words;
    while (!self->lost_ && !self->child_->exited() && Clock::now() < deadline) {
        co_await self->changed_.wait_until(deadline);
    }
    self->kill(self->death());
}

Error ChildLink::death() const {
    const auto exit = child_->exited();
    return Error{
        .code = Code::unavailable,
        .message =
            fmt::format("codex app-server ended: {}", exit ? exit->text() : "closed its output"),
        .where = exit && exit->signal == 0 ? "eof" : ""
    };
}

Task<void> ChildLink::write_loop(std::shared_ptr<ChildLink> self) {
    while (!self->lost_) {
        if (self->out_.empty()) {
            co_await self->changed_.wait_until(Clock::time_point::max());
            continue;
        }
        std::string batch;
        while (!self->out_.empty() && batch.size() < (1U << 20U)) {
            batch += self->out_.front();
            self->out_.pop_front();
        }
        const std::size_t size = batch.size();
        const auto wrote = co_await self->child_->write_stdin(std::move(batch));
        self->out_bytes_ -= size;
        if (!wrote) {
            co_return; // the reader sees the end and reports it
        }
    }
}

Task<void> ChildLink::stderr_loop(std::shared_ptr<ChildLink> self) {
    LineSplitter lines(64U << 10U);
    while (true) {
        const auto bytes = co_await self->child_->read_stderr();
        if (!bytes || bytes->empty()) {
            break;
        }
        const auto keep = [&](std::string_view line) { self->keep_tail(line); };
        lines.feed(*bytes, keep, [](std::string_view) {});
    }
    self->keep_tail(lines.rest());
    self->silent_ = true;
    self->changed_.notify();
}

Task<void> ChildLink::read_last_words(Clock::time_point deadline) {
    const auto self = shared_from_this();
    while (!self->silent_ && Clock::now() < deadline) {
        co_await self->changed_.wait_until(deadline);
    }
}

void ChildLink::keep_tail(std::string_view line) {
    const std::string clean = without_colours(line);
    if (trim(clean).empty()) {
        return;
    }
    stderr_tail_ += clean;
    stderr_tail_ += '\n';
    if (stderr_tail_.size() > k_tail) {
        stderr_tail_.erase(0, stderr_tail_.size() - k_tail);
    }
    handlers_.stderr_line(clean);
}

Task<void> ChildLink::exit_watch(std::shared_ptr<ChildLink> self) {
    co_await self->child_->wait();
    self->changed_.notify();
    co_await sleep_for(k_last_words); // a grandchild may hold the pipe open; do not wait longer
    self->kill(self->death());
}

} // namespace oa_stream::authority
