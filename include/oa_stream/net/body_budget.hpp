// Limits the bytes of request bodies that a process holds at once, in all and for one owner. Not
// thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

namespace oa_stream::net {

class BodyBudget {
public:
    /// In bytes. `reading`: limit for bodies that are still arriving; `held`: for complete bodies
    /// until their requests no longer need them. One owner's bodies get at most half of each,
    /// except for a single body: otherwise one client could close the server for all others.
    BodyBudget(std::size_t reading, std::size_t held) noexcept : reading_{reading}, held_{held} {}

    /// One body's share of a budget; released when destroyed. Without a budget there is no limit.
    class Share {
    public:
        Share() = default;
        /// `owner`: empty when it is unknown; then only the limit for all applies.
        explicit Share(std::shared_ptr<BodyBudget> budget, std::string owner = {}) noexcept
            : budget_(std::move(budget)), owner_(std::move(owner)) {}
        Share(Share&& other) noexcept
            : budget_(std::move(other.budget_)), owner_(std::move(other.owner_)),
              bytes_(std::exchange(other.bytes_, 0)), whole_(std::exchange(other.whole_, false)) {}
        Share& operator=(Share&& other) noexcept;
        Share(const Share&) = delete;
        Share& operator=(const Share&) = delete;
        ~Share() { release(); }

        /// Sets the body's present size to `bytes`. False: the budget has no room.
        [[nodiscard]] bool resize(std::size_t bytes);
        /// Marks the body as complete. False: the budget has no room for another one.
        [[nodiscard]] bool hold();
        void release() noexcept;

    private:
        std::shared_ptr<BodyBudget> budget_{};
        std::string owner_{};
        std::size_t bytes_ = 0;
        bool whole_ = false;
    };

    [[nodiscard]] std::size_t reading() const noexcept { return reading_.used; }
    [[nodiscard]] std::size_t held() const noexcept { return held_.used; }

private:
    struct Pot {
        std::size_t limit;
        std::size_t used = 0;
        std::unordered_map<std::string, std::size_t> owners{};
        /// Adds `more` bytes to a body that has `had`.
        [[nodiscard]] bool reserve(const std::string& owner, std::size_t had, std::size_t more);
        void release(const std::string& owner, std::size_t bytes) noexcept;
    };
    Pot reading_;
    Pot held_;
};

} // namespace oa_stream::net
