// Limits how many chat completions run at once. A place is reserved before the authority is called
// and given back exactly once, however the turn ends.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

namespace oa_stream::lane {

/// Adds one to the count while it lives. The coroutine that holds it may outlive the lane, and so
/// may the count.
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
    /// From now on another part of the program takes it off the count.
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

    /// Reserves a place; nullopt when `limit` turns run. After hand_over() the end of the turn
    /// gives the place back through release().
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
