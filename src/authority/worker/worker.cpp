#include "oa_stream/authority/worker.hpp"

#include "oa_stream/base/option_names.hpp"

#include "build_time.hpp"
#include "service_url.hpp"
#include "worker_core.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::authority {

namespace {

class WorkerHandle final : public Turn {
public:
    WorkerHandle(std::shared_ptr<WorkerCore> core, std::shared_ptr<WorkerTurn> live)
        : core_(std::move(core)), live_(std::move(live)) {}
    WorkerHandle(const WorkerHandle&) = delete;
    WorkerHandle& operator=(const WorkerHandle&) = delete;
    ~WorkerHandle() override {
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

private:
    std::shared_ptr<WorkerCore> core_;
    std::shared_ptr<WorkerTurn> live_;
};

class WorkerAuthority final : public Authority {
public:
    WorkerAuthority(const asio::any_io_executor& executor, WorkerOptions options)
        : core_(std::make_shared<WorkerCore>(executor, std::move(options))) {}
    WorkerAuthority(const WorkerAuthority&) = delete;
    WorkerAuthority& operator=(const WorkerAuthority&) = delete;
    ~WorkerAuthority() override { core_->abandon_everything(); }

    [[nodiscard]] Task<Result<void>> open() override { return WorkerCore::open(core_); }
    [[nodiscard]] Task<void> close(Millis grace) override {
        return WorkerCore::close(core_, grace);
    }
    [[nodiscard]] Task<Result<std::unique_ptr<Turn>>> start(TurnRequest request) override {
        return held(core_, WorkerCore::start(core_, std::move(request)));
    }
    [[nodiscard]] Task<Result<std::unique_ptr<Turn>>>
    join(std::string thread, bool /*ask_approvals*/) override {
        return held(core_, WorkerCore::join(core_, std::move(thread)));
    }
    [[nodiscard]] Task<Result<std::vector<PastTurn>>> turns(std::string thread) override {
        return WorkerCore::turns(core_, std::move(thread));
    }
    [[nodiscard]] Task<Result<std::vector<ThreadInfo>>> threads(std::vector<std::string> ids
    ) override {
        return WorkerCore::threads(core_, std::move(ids));
    }
    [[nodiscard]] Task<Result<std::string>> make_thread(TurnRequest /*request*/) override {
        return WorkerCore::make_thread(core_);
    }
    [[nodiscard]] Health health() const override { return core_->health(); }
    [[nodiscard]] Capabilities capabilities() const override { return core_->capabilities(); }
    [[nodiscard]] std::vector<Reading> readings() const override { return core_->readings(); }

private:
    static Task<Result<std::unique_ptr<Turn>>>
    held(std::shared_ptr<WorkerCore> core, Task<Result<WorkerCore::Live>> begun) {
        OA_CO_TRY(auto live, co_await std::move(begun));
        co_return std::make_unique<WorkerHandle>(std::move(core), std::move(live));
    }

    std::shared_ptr<WorkerCore> core_;
};

} // namespace

/// http://host → ws://host; a trailing slash would double.
WorkerOptions completed(WorkerOptions options) {
    if (options.client_build.empty()) {
        options.client_build = k_build_time;
    }
    while (options.control_url.ends_with('/')) {
        options.control_url.pop_back();
    }
    if (options.khala_url.empty()) {
        options.khala_url = "ws" + options.control_url.substr(4);
    }
    while (options.khala_url.ends_with('/')) {
        options.khala_url.pop_back();
    }
    return options;
}

Result<void> check_worker_options(const WorkerOptions& options) {
    if (options.control_url.empty()) {
        return fail(
            Code::usage,
            fmt::format("{} worker needs the URL of the control API", names::authority),
            names::worker_control
        );
    }
    OA_CHECK(check_service_url(options.control_url, "http://", "https://", names::worker_control));
    if (!options.khala_url.empty()) {
        OA_CHECK(check_service_url(options.khala_url, "ws://", "wss://", names::khala_url));
    }
    OA_CHECK(check_token_reference(options.auth, names::worker_auth, true));
    if (options.khala_auth != "mint") {
        OA_CHECK(check_token_reference(options.khala_auth, names::khala_auth, true));
    }
    return {};
}

Result<std::unique_ptr<Authority>>
make_worker_authority(const asio::any_io_executor& executor, WorkerOptions options) {
    OA_CHECK(check_worker_options(options));
    return std::make_unique<WorkerAuthority>(executor, completed(std::move(options)));
}

} // namespace oa_stream::authority
