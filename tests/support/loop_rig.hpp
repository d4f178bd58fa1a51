// A loop that a test drives from its own thread: a test reads top to bottom and waits for events.
#pragma once

#include "run_task.hpp"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <string_view>
#include <utility>

namespace oa_stream::test {

class LoopRig {
public:
    /// Runs the loop until `done`. Throws after a time that no test waits for.
    void until(std::string_view what, const std::function<bool()>& done) {
        run_until(context, done, what);
    }
    /// Runs a coroutine to its end.
    template <class T> T run(Task<T> task) { return run_task(context, std::move(task)); }
    [[nodiscard]] asio::any_io_executor executor() { return context.get_executor(); }

    asio::io_context context{1};
};

} // namespace oa_stream::test
