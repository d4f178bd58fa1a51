// Runs one task on its own event loop, for commands that have nothing to undo.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/task.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <utility>

namespace oa_stream::cli {

/// Runs `task` on `io`, which runs nothing else, to its end. A signal ends the process; commands
/// that must undo something use run::RunLoop, which handles signals.
template <class T> [[nodiscard]] Result<T> run_alone(asio::io_context& io, Task<Result<T>> task) {
    Result<T> out = fail(Code::internal, "the task did not end");
    asio::co_spawn(io, std::move(task), [&](const std::exception_ptr& thrown, Result<T> result) {
        if (thrown) {
            std::rethrow_exception(thrown);
        }
        out = std::move(result);
        io.stop();
    });
    io.run();
    return out;
}

} // namespace oa_stream::cli
