// The pause before a child is restarted.
#pragma once

#include "oa_stream/base/task.hpp"

#include <algorithm>

namespace oa_stream::authority {

/// Doubles from `first` up to `cap`. Only a child that was ready for `stable` resets the pause: a
/// child that dies within seconds of its start must not be restarted for ever at full speed.
class Backoff {
public:
    Backoff(Millis first, Millis cap, Millis stable)
        : first_(first), cap_(cap), stable_(stable), next_(first) {}

    /// `lived`: how long the last child was ready and answered, 0 when it never was. `chance`, from
    /// 0 to below 1, shortens the pause by up to a quarter, so that several children do not restart
    /// in step.
    [[nodiscard]] Millis next(Millis lived, double chance) {
        if (lived >= stable_) {
            next_ = first_;
            tries_ = 0;
        }
        const Millis whole = next_;
        next_ = std::min(next_ * 2, cap_);
        ++tries_;
        return whole - std::chrono::duration_cast<Millis>(whole * (chance / 4));
    }
    /// Starts since the last child that proved healthy.
    [[nodiscard]] unsigned tries() const noexcept { return tries_; }

private:
    Millis first_;
    Millis cap_;
    Millis stable_;
    Millis next_;
    unsigned tries_ = 0;
};

} // namespace oa_stream::authority
