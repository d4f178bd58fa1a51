// What a test that is not a coroutine waits for.
#pragma once

#include "oa_stream/base/task.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace oa_stream::test {

/// Runs `io` until `done`. Throws after a time that no test waits for.
inline void run_until(
    asio::io_context& io,
    const std::function<bool()>& done,
    std::string_view what = "what is awaited"
) {
    const auto deadline = Clock::now() + Millis(120'000);
    while (!done()) {
        if (Clock::now() > deadline) {
            throw std::runtime_error(fmt::format("never happened: {}", what));
        }
        io.restart();
        io.run_one_for(Millis(20));
    }
}

/// Runs `io` until `task` is over: what it returns or throws. Throws when that takes too long.
inline void run_task(asio::io_context& io, Task<void> task, Millis limit = Millis(60'000)) {
    bool over = false;
    std::exception_ptr thrown;
    asio::co_spawn(io, std::move(task), [&](std::exception_ptr error) {
        thrown = std::move(error);
        over = true;
        io.stop();
    });
    io.restart();
    io.run_for(limit);
    if (thrown) {
        std::rethrow_exception(thrown);
    }
    if (!over) { // a loop that has nothing left to do stops by itself
        throw std::runtime_error(
            io.stopped() ? "the task waits for what never comes" : "the task did not end in time"
        );
    }
}

template <class T> T run_task(asio::io_context& io, Task<T> task, Millis limit = Millis(60'000)) {
    std::optional<T> value;
    const auto keep = [](Task<T> inner, std::optional<T>* out) -> Task<void> {
        out->emplace(co_await std::move(inner));
    };
    run_task(io, keep(std::move(task), &value), limit);
    return *std::move(value);
}

} // namespace oa_stream::test
