// How many chat completions run at once. A place is taken before the authority is asked and given
// back exactly once, on whichever way the turn goes.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

namespace oa_stream::lane {

/// Counts as one while it lives. The coroutine that holds it may outlive the lane, as the count
/// does then.
class Counted {
public:
    explicit Counted(std::shared_ptr<std::size_t> count) : count_(std::move(count)) { ++*count_; }
    Counted(Counted&&) noexcept = default;
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    Counted& operator=(Counted&&) = delete;
    ~Counted() {
        if (count_) {
            --*count_;
        }
    }
    /// From here on somebody else takes it off the count.
    void hand_over() noexcept { count_.reset(); }

private:
    std::shared_ptr<std::size_t> count_;
};

class CompletionsGuard {
public:
    CompletionsGuard() = default;
    CompletionsGuard(const CompletionsGuard&) = delete;
    CompletionsGuard& operator=(const CompletionsGuard&) = delete;
    ~CompletionsGuard() = default;

    /// A place; nullopt when `limit` turns run. Once it is handed over, the end of the turn gives
    /// it back, through release().
    [[nodiscard]] std::optional<Counted> reserve(std::size_t limit) {
        if (*active_ >= limit) {
            return std::nullopt;
        }
        return std::optional<Counted>(std::in_place, active_);
    }
    void release() noexcept { --*active_; }
    [[nodiscard]] std::size_t active() const noexcept { return *active_; }

private:
    std::shared_ptr<std::size_t> active_ = std::make_shared<std::size_t>(0);
};

} // namespace oa_stream::lane
