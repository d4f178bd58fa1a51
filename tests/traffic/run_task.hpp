// A task's value, from a test that is no coroutine.
#pragma once

#include "oa_stream/base/task.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <optional>
#include <utility>

namespace oa_stream::traffic::testing {

template <class T> T run_task(asio::io_context& io, auto& rig, Task<T> task) {
    std::optional<T> out;
    std::exception_ptr thrown;
    asio::co_spawn(io, std::move(task), [&](std::exception_ptr e, T value) {
        thrown = e;
        out.emplace(std::move(value));
    });
    rig.run_until([&] { return out.has_value(); });
    if (thrown) {
        std::rethrow_exception(thrown);
    }
    return *std::move(out);
}

} // namespace oa_stream::traffic::testing
