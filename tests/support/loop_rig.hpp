// A loop that a test drives from its own thread: a test reads top to bottom and waits for events.
#pragma once

#include "oa_stream/base/task.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <functional>
#include <optional>
#include <string_view>
#include <utility>

namespace oa_stream::test {

class LoopRig {
public:
    /// Runs the loop until `done`. Fails the test after a time that no test waits for.
    void until(std::string_view what, const std::function<bool()>& done) {
        const auto deadline = Clock::now() + Millis(20'000);
        while (!done()) {
            if (Clock::now() > deadline) {
                FAIL("never happened: " << what);
            }
            context.restart();
            context.run_one_for(Millis(20));
        }
    }
    /// Runs a coroutine to its end.
    template <class T> T run(Task<T> task) {
        std::optional<T> result;
        spawn(
            context.get_executor(),
            "test",
            [](Task<T> inner, std::optional<T>* out) -> Task<void> {
                out->emplace(co_await std::move(inner));
            }(std::move(task), &result)
        );
        until("a coroutine", [&result] { return result.has_value(); });
        return *std::move(result);
    }

    asio::io_context context{1};
};

} // namespace oa_stream::test
