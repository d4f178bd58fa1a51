#include "oa_stream/net/body_budget.hpp"

namespace oa_stream::net {

bool BodyBudget::Pot::reserve(const std::string& owner, std::size_t had, std::size_t more) {
    if (more > limit - used) {
        return false;
    }
    if (!owner.empty() && more > 0) {
        std::size_t& theirs = owners[owner];
        if (theirs > had && theirs + more > limit / 2) {
            return false;
        }
        theirs += more;
    }
    used += more;
    return true;
}

void BodyBudget::Pot::release(const std::string& owner, std::size_t bytes) noexcept {
    used -= bytes;
    if (const auto found = owners.find(owner); found != owners.end()) {
        found->second -= bytes;
        if (found->second == 0) {
            owners.erase(found);
        }
    }
}

BodyBudget::Share& BodyBudget::Share::operator=(Share&& other) noexcept {
    if (this != &other) {
        release();
        budget_ = std::move(other.budget_);
        owner_ = std::move(other.owner_);
        bytes_ = std::exchange(other.bytes_, 0);
        whole_ = std::exchange(other.whole_, false);
    }
    return *this;
}

bool BodyBudget::Share::resize(std::size_t bytes) {
    if (budget_ && bytes > bytes_ && !budget_->reading_.reserve(owner_, bytes_, bytes - bytes_)) {
        return false;
    }
    if (budget_ && bytes < bytes_) {
        budget_->reading_.release(owner_, bytes_ - bytes);
    }
    bytes_ = bytes;
    return true;
}

bool BodyBudget::Share::hold() {
    if (budget_ && !budget_->held_.reserve(owner_, 0, bytes_)) {
        return false;
    }
    if (budget_) {
        budget_->reading_.release(owner_, bytes_);
    }
    whole_ = true;
    return true;
}

void BodyBudget::Share::release() noexcept {
    if (budget_) {
        (whole_ ? budget_->held_ : budget_->reading_).release(owner_, bytes_);
    }
    bytes_ = 0;
    whole_ = false;
}

} // namespace oa_stream::net
