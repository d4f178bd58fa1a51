#include "oa_stream/authority/worker.hpp"

#include "oa_stream/base/option_names.hpp"

#include "build_time.hpp"
#include "core_facade.hpp"
#include "service_url.hpp"
#include "worker_core.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::authority {

namespace {

class WorkerAuthority final : public CoreAuthority<WorkerCore, CoreTurn<WorkerCore, WorkerTurn>> {
public:
    using CoreAuthority::CoreAuthority;

    [[nodiscard]] Task<Result<std::unique_ptr<Turn>>>
    join(std::string thread, bool /*ask_approvals*/) override {
        return held(core_, WorkerCore::join(core_, std::move(thread)));
    }
    [[nodiscard]] Task<Result<std::string>> make_thread(TurnRequest /*request*/) override {
        return WorkerCore::make_thread(core_);
    }
};

} // namespace

/// http://host → ws://host; removes a trailing slash, which would be doubled.
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
    return std::make_unique<WorkerAuthority>(
        std::make_shared<WorkerCore>(executor, completed(std::move(options)))
    );
}

} // namespace oa_stream::authority
