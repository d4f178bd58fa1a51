#include "oa_stream/authority/worker_facts.hpp"

#include "oa_stream/net/token_source.hpp"

#include "worker_core.hpp"

#include <utility>

namespace oa_stream::authority {

namespace {

struct Visit {
    std::shared_ptr<KhalaLink> link{};
    bool came_up = false;
};

Task<void> leave_in(Millis time, std::weak_ptr<Visit> visit) {
    co_await sleep_for(time);
    if (const auto alive = visit.lock(); alive && alive->link) {
        co_await KhalaLink::stop(alive->link);
    }
}

/// If Khala opens the socket but sends nothing, disconnects after the time of one request.
Task<Result<void>>
try_khala(asio::any_io_executor executor, std::shared_ptr<Visit> visit, Secret token, Millis time) {
    oa_stream::spawn(executor, "khala visit", leave_in(time, visit));
    const auto end = co_await KhalaLink::session(visit->link, std::move(token));
    visit->link.reset();
    if (visit->came_up) {
        co_return Result<void>{};
    }
    co_return fail(
        end.why == KhalaEnd::Why::denied ? Code::credentials : Code::unavailable, end.text
    );
}

KhalaHandlers visitor(const asio::any_io_executor& executor, std::weak_ptr<Visit> visit) {
    KhalaHandlers out;
    out.events = [](const std::vector<WorkerEvent>&) {};
    out.up = [executor, visit = std::move(visit)](bool) {
        if (const auto alive = visit.lock(); alive && alive->link) {
            alive->came_up = true;
            oa_stream::spawn(executor, "khala leave", KhalaLink::stop(alive->link));
        }
    };
    return out;
}

} // namespace

Task<Result<WorkerFacts>> look_at_worker(asio::any_io_executor executor, WorkerOptions given) {
    OA_CO_CHECK(check_worker_options(given));
    const auto options = std::make_shared<const WorkerOptions>(completed(std::move(given)));
    const auto control = std::make_shared<ControlClient>(executor, options);
    WorkerFacts facts;
    facts.token_end = co_await ControlClient::token_end(control);
    if (!facts.token_end) {
        co_return facts;
    }
    const auto snapshot = co_await ControlClient::snapshot(control);
    facts.ahead = control->ahead();
    if (!snapshot) {
        facts.worker = std::unexpected(snapshot.error());
        co_return facts;
    }
    if (const auto age = snapshot->heartbeat_age_ms) {
        facts.heartbeat_age = Millis(*age);
    }
    if (auto trouble = snapshot->trouble(); !trouble.empty()) {
        facts.worker = fail(Code::precondition, std::move(trouble));
        co_return facts;
    }
    facts.worker = Result<void>{};
    const auto visit = std::make_shared<Visit>();
    visit->link = std::make_shared<KhalaLink>(executor, options, control, visitor(executor, visit));
    auto token = co_await KhalaLink::token(visit->link);
    if (!token) {
        facts.sync_token = std::unexpected(std::move(token).error());
        co_return facts;
    }
    facts.sync_token = net::token_end(token->reveal());
    facts.khala = co_await try_khala(
        std::move(executor), visit, *std::move(token), options->deadlines.request
    );
    co_return facts;
}

} // namespace oa_stream::authority
