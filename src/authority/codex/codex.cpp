#include "oa_stream/authority/codex.hpp"

#include "codex_core.hpp"
#include "core_facade.hpp"

#include <utility>

namespace oa_stream::authority {

namespace {

class CodexTurn final : public CoreTurn<CodexCore, RunningTurn> {
public:
    using CoreTurn::CoreTurn;

    [[nodiscard]] Result<bool> poll(EventBatch& out, TurnWaker& waker) override {
        auto polled = CoreTurn::poll(out, waker);
        if (!polled) {
            live_->reported_failure = failure_code_of(polled.error());
        }
        return polled;
    }
    void interrupt_as_failed(turn::FailureCode why) override {
        live_->reported_failure = why;
        core_->interrupt(live_);
    }
    [[nodiscard]] bool leave() override { return core_->leave(live_); }
    [[nodiscard]] Result<void> answer_approval(std::string_view id, bool approved) override {
        return core_->answer_approval(live_, id, approved);
    }
    [[nodiscard]] Result<void> answer_call(const CallResult& result) override {
        return core_->answer_call(live_, result);
    }
};

class CodexAuthority final : public CoreAuthority<CodexCore, CodexTurn> {
public:
    using CoreAuthority::CoreAuthority;

    [[nodiscard]] Task<Result<std::unique_ptr<Turn>>>
    join(std::string thread, bool ask_approvals) override {
        return held(core_, CodexCore::join(core_, std::move(thread), ask_approvals));
    }
    [[nodiscard]] Task<Result<bool>> may_join(std::string thread) override {
        return CodexCore::may_join(core_, std::move(thread));
    }
    [[nodiscard]] Task<Result<void>> stop(std::string thread, std::string turn) override {
        return CodexCore::stop(core_, std::move(thread), std::move(turn));
    }
    [[nodiscard]] Task<Result<EventBatch>> retell(std::string thread, std::string turn) override {
        return CodexCore::retell(core_, std::move(thread), std::move(turn));
    }
    [[nodiscard]] Task<Result<TurnsPage>> turns_page(TurnsQuery query) override {
        return CodexCore::turns_page(core_, std::move(query));
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
};

} // namespace

std::unique_ptr<Authority>
make_codex_authority(const asio::any_io_executor& executor, CodexOptions options) {
    return std::make_unique<CodexAuthority>(
        std::make_shared<CodexCore>(executor, std::move(options))
    );
}

} // namespace oa_stream::authority
