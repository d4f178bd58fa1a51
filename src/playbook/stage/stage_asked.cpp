// While hooks decide whether the next stage may begin, the last stage's split serves users.
#include "oa_stream/base/clock.hpp"

#include "file/words.hpp"
#include "stage.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>

namespace oa_stream::playbook {
namespace {

/// Ends when that split is no longer good.
Task<WindowEnd> watch_users(StageRun* stage) {
    constexpr measure::Look k_interim_look{.number = 1, .of = 2, .interim = true};
    // Most hooks answer at once.
    (void)co_await sleep_for(stage->run.in.timing.interim_every);
    if (!co_await split_still_ours(stage)) {
        co_return stage->run.stop_requested() ? WindowEnd::interrupted : WindowEnd::lost;
    }
    if (!co_await start_probes(stage)) {
        co_return WindowEnd::broken;
    }
    WindowEnd end = WindowEnd::over;
    while (end == WindowEnd::over) {
        end = co_await watch_all(stage, Clock::now() + k_longest_hook, k_interim_look);
    }
    co_return end;
}

} // namespace

Task<std::optional<std::vector<Check>>>
watch_while_asked(RunContext* run, const Step* step, Task<std::vector<Check>> asked) {
    const int index = step->stage - 1;
    const int percent = run->playbook().stages[static_cast<std::size_t>(index)];
    StageRun stage{*run, index, percent, step->id};
    stage.extended = true; // there is no second window
    const auto executor = co_await asio::this_coro::executor;
    auto [order, asked_thrown, answers, watch_thrown, end] =
        co_await asio::experimental::make_parallel_group(
            asio::co_spawn(executor, std::move(asked), asio::deferred),
            asio::co_spawn(executor, watch_users(&stage), asio::deferred)
        )
            .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    co_await run->in.instruments->stop_flow(Millis(0));
    // The cancelled task may report that by throwing.
    if (const auto& first = order[0] == 0 ? asked_thrown : watch_thrown) {
        std::rethrow_exception(first);
    }
    if (order[0] == 0 || end == WindowEnd::interrupted) {
        co_return std::move(answers); // none after a stop
    }
    record_end(stage, end);
    co_return std::nullopt;
}

} // namespace oa_stream::playbook
