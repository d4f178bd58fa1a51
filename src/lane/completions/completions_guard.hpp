// How many chat completions run at once. A place is taken before the authority is asked and given
// back exactly once, on whichever way the turn goes.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

namespace oa_stream::lane {

class CompletionsGuard {
public:
    CompletionsGuard() = default;
    CompletionsGuard(const CompletionsGuard&) = delete;
    CompletionsGuard& operator=(const CompletionsGuard&) = delete;
    ~CompletionsGuard() = default;

    class Place {
    public:
        Place(CompletionsGuard& guard, std::size_t active) : guard_(&guard), active_(active) {}
        Place(Place&& other) noexcept
            : guard_(std::exchange(other.guard_, nullptr)), active_(other.active_) {}
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        Place& operator=(Place&&) = delete;
        ~Place() {
            if (guard_ != nullptr) {
                guard_->release();
            }
        }
        /// Turns running when this place was taken, this one included.
        [[nodiscard]] std::size_t active() const noexcept { return active_; }
        /// From here on the end of the turn gives it back, through release().
        void hand_over() noexcept { guard_ = nullptr; }

    private:
        CompletionsGuard* guard_;
        std::size_t active_;
    };

    /// nullopt when `limit` turns run.
    [[nodiscard]] std::optional<Place> take(std::size_t limit) {
        if (active_ >= limit) {
            return std::nullopt;
        }
        return std::optional<Place>(std::in_place, *this, ++active_);
    }
    void release() noexcept { --active_; }
    [[nodiscard]] std::size_t active() const noexcept { return active_; }

private:
    std::size_t active_ = 0;
};

} // namespace oa_stream::lane
