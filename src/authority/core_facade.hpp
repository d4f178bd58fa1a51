// The lane's handles for an authority whose coroutines share a core and keep it alive: the
// authority and its turns. Each kind adds its further abilities.
#pragma once

#include "oa_stream/authority/authority.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace oa_stream::authority {

/// Its destructor abandons the turn.
template <class Core, class Live> class CoreTurn : public Turn {
public:
    CoreTurn(std::shared_ptr<Core> core, std::shared_ptr<Live> live)
        : core_(std::move(core)), live_(std::move(live)) {}
    CoreTurn(const CoreTurn&) = delete;
    CoreTurn& operator=(const CoreTurn&) = delete;
    ~CoreTurn() override {
        live_->forget_waker();
        core_->abandon(live_);
    }

    [[nodiscard]] const std::string& thread_id() const noexcept override { return live_->thread(); }
    [[nodiscard]] const std::string& turn_id() const noexcept override { return live_->id(); }
    [[nodiscard]] const std::string& model() const noexcept override { return live_->model(); }
    [[nodiscard]] Result<bool> poll(EventBatch& out, TurnWaker& waker) override {
        return live_->poll(out, waker);
    }
    void interrupt() override { core_->interrupt(live_); }

protected:
    std::shared_ptr<Core> core_;
    std::shared_ptr<Live> live_;
};

/// `Handle`: the kind's CoreTurn.
template <class Core, class Handle> class CoreAuthority : public Authority {
public:
    explicit CoreAuthority(std::shared_ptr<Core> core) : core_(std::move(core)) {}
    CoreAuthority(const CoreAuthority&) = delete;
    CoreAuthority& operator=(const CoreAuthority&) = delete;
    ~CoreAuthority() override { core_->abandon_everything(); }

    [[nodiscard]] Task<Result<void>> open() override { return Core::open(core_); }
    [[nodiscard]] Task<void> close(Millis grace) override { return Core::close(core_, grace); }
    [[nodiscard]] Task<Result<std::unique_ptr<Turn>>> start(TurnRequest request) override {
        return held(core_, Core::start(core_, std::move(request)));
    }
    [[nodiscard]] Task<Result<std::vector<PastTurn>>> turns(std::string thread) override {
        return Core::turns(core_, std::move(thread));
    }
    [[nodiscard]] Task<Result<std::vector<ThreadInfo>>> threads(std::vector<std::string> ids
    ) override {
        return Core::threads(core_, std::move(ids));
    }
    [[nodiscard]] Health health() const override { return core_->health(); }
    [[nodiscard]] Capabilities capabilities() const override { return core_->capabilities(); }
    [[nodiscard]] std::vector<Reading> readings() const override { return core_->readings(); }

protected:
    template <class Live>
    static Task<Result<std::unique_ptr<Turn>>>
    held(std::shared_ptr<Core> core, Task<Result<std::shared_ptr<Live>>> begun) {
        OA_CO_TRY(auto live, co_await std::move(begun));
        co_return std::make_unique<Handle>(std::move(core), std::move(live));
    }

    std::shared_ptr<Core> core_;
};

} // namespace oa_stream::authority
