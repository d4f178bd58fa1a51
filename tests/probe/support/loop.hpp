// Runs a coroutine to its end on an io_context of its own, with a limit on the whole.
#pragma once

#include "oa_stream/base/task.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

namespace oa_stream::probe::test {

class Loop {
public:
    [[nodiscard]] asio::any_io_executor executor() { return context_.get_executor(); }

    template <class T> T run(Task<T> task, Millis limit = Millis(60000)) {
        std::optional<T> value;
        std::exception_ptr thrown;
        asio::co_spawn(context_, std::move(task), [&](std::exception_ptr error, T result) {
            thrown = error;
            value = std::move(result);
            context_.stop();
        });
        finish(limit, thrown);
        if (!value) {
            throw std::runtime_error("the test's time limit passed");
        }
        return std::move(*value);
    }

    void run(Task<void> task, Millis limit = Millis(60000)) {
        bool over = false;
        std::exception_ptr thrown;
        asio::co_spawn(context_, std::move(task), [&](std::exception_ptr error) {
            thrown = error;
            over = true;
            context_.stop();
        });
        finish(limit, thrown);
        if (!over) {
            throw std::runtime_error("the test's time limit passed");
        }
    }

private:
    void finish(Millis limit, const std::exception_ptr& thrown) {
        context_.restart();
        context_.run_for(limit);
        if (thrown) {
            std::rethrow_exception(thrown);
        }
    }

    asio::io_context context_;
};

} // namespace oa_stream::probe::test
