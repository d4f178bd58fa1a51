#include "oa_stream/authority/codex.hpp"

#include "codex_core.hpp"

#include <utility>

namespace oa_stream::authority {

namespace {

class CodexTurn final : public Turn {
public:
    CodexTurn(std::shared_ptr<CodexCore> core, std::shared_ptr<RunningTurn> live)
        : core_(std::move(core)), live_(std::move(live)) {}
    CodexTurn(const CodexTurn&) = delete;
    CodexTurn& operator=(const CodexTurn&) = delete;
    ~CodexTurn() override {
        live_->forget_waker();
        core_->abandon(live_);
    }

    [[nodiscard]] const std::string& thread_id() const noexcept override { return live_->thread(); }
    [[nodiscard]] const std::string& turn_id() const noexcept override { return live_->id(); }
    [[nodiscard]] const std::string& model() const noexcept override { return live_->model(); }
    [[nodiscard]] Result<bool> poll(EventBatch& out, TurnWaker& waker) override {
        auto told = live_->poll(out, waker);
        if (!told) {
            live_->told_failure = failure_code_of(told.error());
        }
        if (!told && told.error().code == Code::timeout) {
            core_->interrupt(live_);
        }
        return told;
    }
    void interrupt() override { core_->interrupt(live_); }
    void interrupt_as_failed(turn::FailureCode why) override {
        live_->told_failure = why;
        core_->interrupt(live_);
    }
    [[nodiscard]] bool leave() override { return core_->leave(live_); }
    [[nodiscard]] Result<void> answer_approval(std::string_view id, bool approved) override {
        return core_->answer_approval(live_, id, approved);
    }
    [[nodiscard]] Result<void> answer_call(const CallResult& result) override {
        return core_->answer_call(live_, result);
    }

private:
    std::shared_ptr<CodexCore> core_;
    std::shared_ptr<RunningTurn> live_;
};

class CodexAuthority final : public Authority {
public:
    CodexAuthority(const asio::any_io_executor& executor, CodexOptions options)
        : core_(std::make_shared<CodexCore>(executor, std::move(options))) {}
    CodexAuthority(const CodexAuthority&) = delete;
    CodexAuthority& operator=(const CodexAuthority&) = delete;
    ~CodexAuthority() override { core_->abandon_everything(); }

    [[nodiscard]] Task<Result<void>> open() override { return CodexCore::open(core_); }
    [[nodiscard]] Task<void> close(Millis grace) override { return CodexCore::close(core_, grace); }
    [[nodiscard]] Task<Result<std::unique_ptr<Turn>>> start(TurnRequest request) override {
        return held(core_, CodexCore::start(core_, std::move(request)));
    }
    [[nodiscard]] Task<Result<std::unique_ptr<Turn>>>
    join(std::string thread, bool ask_approvals) override {
        return held(core_, CodexCore::join(core_, std::move(thread), ask_approvals));
    }
    [[nodiscard]] Task<Result<void>> stop(std::string thread, std::string turn) override {
        return CodexCore::stop(core_, std::move(thread), std::move(turn));
    }
    [[nodiscard]] Task<Result<EventBatch>> retell(std::string thread, std::string turn) override {
        return CodexCore::retell(core_, std::move(thread), std::move(turn));
    }
    [[nodiscard]] Task<Result<std::vector<PastTurn>>> turns(std::string thread) override {
        return CodexCore::turns(core_, std::move(thread));
    }
    [[nodiscard]] Task<Result<TurnsPage>> turns_page(TurnsQuery query) override {
        return CodexCore::turns_page(core_, std::move(query));
    }
    [[nodiscard]] Task<Result<std::vector<ThreadInfo>>> threads(std::vector<std::string> ids
    ) override {
        return CodexCore::threads(core_, std::move(ids));
    }
    [[nodiscard]] Task<Result<std::vector<std::string>>>
    find_threads(std::string /*owner*/, std::string words) override {
        return CodexCore::find_threads(core_, std::move(words));
    }
    [[nodiscard]] Task<Result<std::string>> make_thread(TurnRequest request) override {
        return CodexCore::make_thread(core_, std::move(request));
    }
    [[nodiscard]] Task<Result<void>> name_thread(std::string thread, std::string title) override {
        return CodexCore::name_thread(core_, std::move(thread), std::move(title));
    }
    [[nodiscard]] Task<Result<void>> delete_thread(std::string thread) override {
        return CodexCore::delete_thread(core_, std::move(thread));
    }
    [[nodiscard]] Task<Result<std::string>>
    fork_thread(std::string thread, std::string last_turn) override {
        return CodexCore::fork_thread(core_, std::move(thread), std::move(last_turn));
    }
    [[nodiscard]] Task<Result<std::string>> kept(std::string thread) override {
        return CodexCore::kept(core_, std::move(thread));
    }
    [[nodiscard]] Health health() const override { return core_->health(); }
    [[nodiscard]] Capabilities capabilities() const override { return core_->capabilities(); }
    [[nodiscard]] std::vector<Reading> readings() const override { return core_->readings(); }

private:
    static Task<Result<std::unique_ptr<Turn>>>
    held(std::shared_ptr<CodexCore> core, Task<Result<std::shared_ptr<RunningTurn>>> begun) {
        OA_CO_TRY(auto live, co_await std::move(begun));
        co_return std::make_unique<CodexTurn>(std::move(core), std::move(live));
    }

    std::shared_ptr<CodexCore> core_;
};

} // namespace

std::unique_ptr<Authority>
make_codex_authority(const asio::any_io_executor& executor, CodexOptions options) {
    return std::make_unique<CodexAuthority>(executor, std::move(options));
}

} // namespace oa_stream::authority
