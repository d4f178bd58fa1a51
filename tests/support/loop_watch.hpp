// How long a loop holds up everybody else on it.
#pragma once

#include "oa_stream/base/task.hpp"

#include "cpu_time.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <memory>
#include <optional>

namespace oa_stream::test {

/// Has a turn of the loop as often as there is one, while it lives.
class LoopWatch {
public:
    explicit LoopWatch(asio::io_context& context) { look(context, spent_); }
    /// The most processor time of the loop's thread between two turns.
    [[nodiscard]] double longest_s() const { return spent_->longest; }

private:
    struct Spent {
        std::optional<double> before{};
        double longest = 0;
    };
    static void look(asio::io_context& context, const std::weak_ptr<Spent>& of) {
        asio::post(context, [&context, of] {
            if (const auto spent = of.lock()) {
                const double now = thread_cpu_seconds();
                spent->longest = std::max(spent->longest, now - spent->before.value_or(now));
                spent->before = now;
                look(context, of);
            }
        });
    }

    std::shared_ptr<Spent> spent_ = std::make_shared<Spent>();
};

} // namespace oa_stream::test
