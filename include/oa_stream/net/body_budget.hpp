// How many bytes of request bodies a process keeps at once. One thread.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace oa_stream::net {

class BodyBudget {
public:
    /// In bytes. `reading`: of bodies that are still coming in; `held`: of whole bodies until their
    /// requests need them no more.
    BodyBudget(std::size_t reading, std::size_t held) noexcept : reading_{reading}, held_{held} {}

    /// What one body takes of a budget; gives it back when destroyed. Without a budget: no limit.
    class Share {
    public:
        Share() = default;
        explicit Share(std::shared_ptr<BodyBudget> budget) noexcept : budget_(std::move(budget)) {}
        Share(Share&& other) noexcept
            : budget_(std::move(other.budget_)), bytes_(std::exchange(other.bytes_, 0)),
              whole_(std::exchange(other.whole_, false)) {}
        Share& operator=(Share&& other) noexcept;
        Share(const Share&) = delete;
        Share& operator=(const Share&) = delete;
        ~Share() { release(); }

        /// The body has `bytes` by now. False: there is no room for them.
        [[nodiscard]] bool resize(std::size_t bytes) noexcept;
        /// The body is whole. False: there is no room for one more.
        [[nodiscard]] bool hold() noexcept;
        void release() noexcept;

    private:
        std::shared_ptr<BodyBudget> budget_{};
        std::size_t bytes_ = 0;
        bool whole_ = false;
    };

    [[nodiscard]] std::size_t reading() const noexcept { return reading_.used; }
    [[nodiscard]] std::size_t held() const noexcept { return held_.used; }

private:
    struct Pot {
        std::size_t limit;
        std::size_t used = 0;
        [[nodiscard]] bool reserve(std::size_t bytes) noexcept;
    };
    Pot reading_;
    Pot held_;
};

} // namespace oa_stream::net
