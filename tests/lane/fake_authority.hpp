// An authority whose turns are played by the test, event by event.
#pragma once

#include "oa_stream/authority/authority.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace oa_stream::test {

/// What the test holds of a turn; lives longer than the turn itself.
struct PlayedTurn : std::enable_shared_from_this<PlayedTurn> {
    explicit PlayedTurn(asio::any_io_executor loop) : executor(std::move(loop)) {}

    void push(authority::EventBatch batch) {
        queue.emplace_back(std::move(batch));
        wake();
    }
    void push(turn::Event event) { push(authority::EventBatch{std::move(event)}); }
    void fail(Code code, std::string message) {
        queue.emplace_back(oa_stream::fail(code, std::move(message)));
        wake();
    }
    void wake() {
        asio::post(executor, [weak = weak_from_this()] {
            if (const auto self = weak.lock(); self && self->waker != nullptr) {
                self->waker->turn_ready();
            }
        });
    }
    /// An opened text part with one delta.
    void say(std::string text) {
        push({turn::PartOpened{"m1", turn::PartKind::text}, turn::PartDelta{"m1", std::move(text)}}
        );
    }
    void more(std::string text) { push(turn::PartDelta{"m1", std::move(text)}); }
    void complete() {
        push(
            {turn::PartClosed{"m1"},
             turn::TurnEnded{
                 turn::Outcome::completed, turn::Finish::stop, {}, turn::Usage{10, 2, 5, 1}
             }}
        );
    }

    authority::TurnRequest request{};
    std::string thread, turn;
    std::deque<Result<authority::EventBatch>> queue;
    asio::any_io_executor executor;
    authority::TurnWaker* waker = nullptr;
    std::unique_ptr<authority::WireFaults> faults;
    /// The call `call` and a question about it.
    void ask(const std::string& call, const std::string& approval) {
        waiting.insert(approval);
        push(
            {turn::ToolOpened{call, "shell"},
             turn::ToolInputReady{call, Json{{"command", "touch " + call}}},
             turn::ApprovalAsked{approval, call}}
        );
    }
    void output(const std::string& call) { push(turn::ToolOutput{call, Json{{"output", call}}}); }

    std::set<std::string> waiting{}; ///< approvals
    std::vector<std::pair<std::string, bool>> decisions{};
    bool answers_interrupt = true; ///< with TurnEnded interrupted
    int interrupts = 0;
    std::optional<turn::FailureCode> failed_as{}; ///< as it was told with an interrupt
    bool can_leave = false;
    bool left = false; ///< it runs on when it is dropped
    bool dropped = false;
};

class FakeTurn final : public authority::Turn {
public:
    explicit FakeTurn(std::shared_ptr<PlayedTurn> played) : played_(std::move(played)) {}
    ~FakeTurn() override {
        played_->waker = nullptr;
        played_->dropped = true;
    }

    [[nodiscard]] const std::string& thread_id() const noexcept override { return played_->thread; }
    [[nodiscard]] const std::string& turn_id() const noexcept override { return played_->turn; }
    [[nodiscard]] const std::string& model() const noexcept override { return model_; }

    [[nodiscard]] Result<bool>
    poll(authority::EventBatch& out, authority::TurnWaker& waker) override {
        played_->waker = &waker;
        if (played_->queue.empty()) {
            return false;
        }
        auto batch = std::move(played_->queue.front());
        played_->queue.pop_front();
        OA_TRY(out, std::move(batch));
        return true;
    }

    [[nodiscard]] bool leave() override {
        played_->left = played_->can_leave;
        return played_->left;
    }

    void interrupt() override {
        if (++played_->interrupts == 1 && played_->answers_interrupt) {
            played_->push(turn::TurnEnded{turn::Outcome::interrupted, turn::Finish::other, {}, {}});
        }
    }

    void interrupt_as_failed(turn::FailureCode why) override {
        played_->failed_as = why;
        interrupt();
    }

    [[nodiscard]] Result<void> answer_approval(std::string_view id, bool approved) override {
        if (played_->waiting.erase(std::string(id)) == 0) {
            return oa_stream::fail(Code::not_found, "nothing waits");
        }
        played_->decisions.emplace_back(id, approved);
        played_->push(turn::ApprovalSettled{std::string(id), approved});
        return {};
    }

    [[nodiscard]] Result<void> answer_call(const authority::CallResult& /*result*/) override {
        return {};
    }

    [[nodiscard]] authority::WireFaults* wire_faults() noexcept override {
        return played_->faults.get();
    }

private:
    std::shared_ptr<PlayedTurn> played_;
    std::string model_ = "fake-model";
};

class FakeAuthority final : public authority::Authority {
public:
    explicit FakeAuthority(const asio::any_io_executor& executor)
        : executor_(executor), stuck(executor, Clock::time_point::max()),
          gate(executor, Clock::time_point::max()) {}

    [[nodiscard]] Task<Result<void>> open() override { co_return Result<void>{}; }
    [[nodiscard]] Task<void> close(Millis /*grace*/) override { co_return; }

    [[nodiscard]] Task<Result<std::unique_ptr<authority::Turn>>>
    start(authority::TurnRequest request) override {
        ++starts;
        co_await held();
        if (refuse) {
            if (auto error = refuse(request)) {
                co_return std::unexpected(*std::move(error));
            }
        }
        auto played = std::make_shared<PlayedTurn>(executor_);
        played->thread = request.thread.value_or("auth-thread-" + std::to_string(++threads_));
        played->turn = "turn-" + std::to_string(turns_started.size() + 1);
        played->request = std::move(request);
        if (prepare) {
            prepare(*played);
        }
        turns_started.push_back(played);
        co_return std::make_unique<FakeTurn>(played);
    }

    [[nodiscard]] Task<Result<std::unique_ptr<authority::Turn>>>
    join(std::string thread, bool /*ask_approvals*/) override {
        ++joins;
        co_await held();
        while (hanging == server_of(thread)) {
            (void)co_await stuck.async_wait(asio::as_tuple(asio::use_awaitable));
        }
        if (join_error) {
            co_return std::unexpected(*join_error);
        }
        const auto found = running.find(thread);
        if (found == running.end()) {
            co_return oa_stream::fail(Code::not_found, "no turn runs there");
        }
        co_return std::make_unique<FakeTurn>(found->second);
    }
    [[nodiscard]] Task<Result<bool>> may_join(std::string thread) override {
        ++looks;
        co_await held();
        if (join_error) {
            co_return std::unexpected(*join_error);
        }
        co_return running.contains(thread);
    }
    [[nodiscard]] Task<Result<void>> stop(std::string thread, std::string turn) override {
        stops.emplace_back(std::move(thread), std::move(turn));
        co_return Result<void>{};
    }

    [[nodiscard]] Task<Result<std::vector<authority::PastTurn>>> turns(std::string thread
    ) override {
        ++history_reads;
        if (on_read) {
            on_read();
        }
        if (history_reads == late_history) {
            (void)co_await gate.async_wait(asio::as_tuple(asio::use_awaitable));
        }
        if (history_error) {
            co_return std::unexpected(*history_error);
        }
        if (lost_history) {
            co_return oa_stream::fail(Code::not_found, "no such thread");
        }
        (void)thread;
        co_return past;
    }

    [[nodiscard]] Task<Result<authority::TurnsPage>> turns_page(authority::TurnsQuery query
    ) override {
        const bool known = !unlisted || query.loaded;
        auto page = co_await Authority::turns_page(std::move(query));
        if (page && !known) {
            for (auto& turn : page->turns) {
                turn.user_text.clear();
                turn.client_message_id.reset();
            }
        }
        if (page && endless) {
            page->more = history_reads < 100;
        }
        co_return page;
    }

    [[nodiscard]] Task<Result<std::vector<authority::ThreadInfo>>>
    threads(std::vector<std::string> ids) override {
        if (threads_error) {
            co_return std::unexpected(*threads_error);
        }
        std::vector<authority::ThreadInfo> out;
        for (const auto& id : ids) {
            if (const auto info = infos.find(id); info != infos.end()) {
                out.push_back(info->second);
            } else if (!forgetful) {
                out.push_back({.id = id, .created_at = 1'700'000'000, .updated_at = 1'700'000'000});
            }
        }
        if (late_reads > 0) {
            --late_reads;
            (void)co_await gate.async_wait(asio::as_tuple(asio::use_awaitable));
        }
        co_return out;
    }
    [[nodiscard]] Task<Result<std::string>> make_thread(authority::TurnRequest request) override {
        ++makes;
        made = std::move(request);
        co_await held();
        co_return "auth-thread-" + std::to_string(++threads_);
    }
    [[nodiscard]] Task<Result<std::vector<std::string>>>
    find_threads(std::string /*owner*/, std::string words) override {
        searched.push_back(std::move(words));
        co_return matches;
    }
    [[nodiscard]] Task<Result<std::string>>
    fork_thread(std::string thread, std::string last_turn) override {
        forks.emplace_back(std::move(thread), std::move(last_turn));
        if (refuse_fork) {
            if (auto error = refuse_fork()) {
                co_return std::unexpected(*std::move(error));
            }
        }
        co_return "auth-thread-" + std::to_string(++threads_);
    }
    [[nodiscard]] Task<Result<void>> delete_thread(std::string thread) override {
        deleted.push_back(std::move(thread));
        co_return Result<void>{};
    }
    [[nodiscard]] Task<Result<std::string>> kept(std::string thread) override {
        kept_reads.push_back(std::move(thread));
        co_return kept_text;
    }
    [[nodiscard]] Task<Result<void>> name_thread(std::string thread, std::string title) override {
        if (name_error) {
            co_return std::unexpected(*name_error);
        }
        infos[thread].id = thread;
        infos[thread].title = std::move(title);
        infos[thread].named = true;
        co_return Result<void>{};
    }

    /// What stands before an underscore.
    [[nodiscard]] std::string server_of(std::string_view thread) const override {
        const auto mark = thread.find('_');
        return std::string(mark == std::string_view::npos ? "" : thread.substr(0, mark));
    }
    [[nodiscard]] authority::Health health() const override { return health_now; }
    [[nodiscard]] authority::Capabilities capabilities() const override { return able; }

    void release() {
        hold = false;
        gate.cancel();
    }
    void answer_again() {
        hanging.reset();
        stuck.cancel();
    }
    [[nodiscard]] PlayedTurn& last() const { return *turns_started.back(); }

private:
    Task<void> held() {
        while (hold) {
            (void)co_await gate.async_wait(asio::as_tuple(asio::use_awaitable));
        }
    }

    asio::any_io_executor executor_;
    int threads_ = 0;

public:
    std::vector<std::shared_ptr<PlayedTurn>> turns_started;
    std::function<std::optional<Error>(const authority::TurnRequest&)> refuse;
    std::function<void(PlayedTurn&)> prepare;
    std::map<std::string, std::shared_ptr<PlayedTurn>> running; ///< by thread: can be joined
    std::optional<Error> join_error;
    std::optional<std::string> hanging; ///< a server: its join() waits for answer_again()
    asio::steady_timer stuck;
    int joins = 0;
    int looks = 0; ///< whether one may join
    std::vector<std::pair<std::string, std::string>> stops; ///< thread and turn
    std::vector<authority::PastTurn> past;
    bool endless = false; ///< there is more behind every page of turns
    bool unlisted = false; ///< questions, until their thread is loaded
    bool lost_history = false;
    std::optional<Error> history_error;
    std::map<std::string, authority::ThreadInfo> infos; ///< by the authority's id
    bool forgetful = false; ///< knows only the threads in `infos`
    std::optional<Error> threads_error;
    int late_reads = 0; ///< so many answers of threads() wait for release()
    bool hold = false; ///< start(), may_join(), join() and make_thread() wait for release()
    asio::steady_timer gate;
    int starts = 0;
    int makes = 0; ///< of threads without a turn
    authority::TurnRequest made{}; ///< the newest of these
    std::function<void()> on_read{}; ///< in each history read
    int history_reads = 0;
    int late_history = 0; ///< the history read of this number waits for release()
    std::vector<std::pair<std::string, std::string>> forks; ///< thread and last turn
    std::function<std::optional<Error>()> refuse_fork;
    std::optional<Error> name_error;
    std::vector<std::string> deleted; ///< threads
    Result<std::vector<std::string>> matches; ///< of a search
    std::vector<std::string> searched; ///< words
    std::string kept_text; ///< of any thread
    std::vector<std::string> kept_reads; ///< threads
    authority::Health health_now{true, ""};
    authority::Capabilities able{
        .name = "fake",
        .version = "1.0",
        .can_revert = true,
        .can_seed = true,
        .instructions = true,
    };
};

} // namespace oa_stream::test
