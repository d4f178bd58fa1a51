#include "oa_stream/net/body_budget.hpp"

namespace oa_stream::net {

bool BodyBudget::Pot::reserve(std::size_t bytes) noexcept {
    if (bytes > limit - used) {
        return false;
    }
    used += bytes;
    return true;
}

BodyBudget::Share& BodyBudget::Share::operator=(Share&& other) noexcept {
    if (this != &other) {
        release();
        budget_ = std::move(other.budget_);
        bytes_ = std::exchange(other.bytes_, 0);
        whole_ = std::exchange(other.whole_, false);
    }
    return *this;
}

bool BodyBudget::Share::resize(std::size_t bytes) noexcept {
    if (budget_ && bytes > bytes_ && !budget_->reading_.reserve(bytes - bytes_)) {
        return false;
    }
    if (budget_ && bytes < bytes_) {
        budget_->reading_.used -= bytes_ - bytes;
    }
    bytes_ = bytes;
    return true;
}

bool BodyBudget::Share::hold() noexcept {
    if (budget_ && !budget_->held_.reserve(bytes_)) {
        return false;
    }
    if (budget_) {
        budget_->reading_.used -= bytes_;
    }
    whole_ = true;
    return true;
}

void BodyBudget::Share::release() noexcept {
    if (budget_) {
        (whole_ ? budget_->held_ : budget_->reading_).used -= bytes_;
    }
    bytes_ = 0;
    whole_ = false;
}

} // namespace oa_stream::net
