// The commands of one minute. The control service accepts a limited number from one token and
// refuses more with prose only (docs/worker.md), so the lane counts and refuses first.
#pragma once

#include "oa_stream/base/task.hpp"

#include <cstddef>
#include <deque>
#include <optional>
#include <string_view>

namespace oa_stream::authority {

class CommandMinute {
public:
    enum class Kind {
        read, ///< gets at most half: who opens many conversations must not stop new turns
        act, ///< gets all but the tenth of the stops
        stop, ///< always sent: a turn that is not stopped continues and costs money
    };
    [[nodiscard]] static Kind kind_of(std::string_view method) noexcept;

    explicit CommandMinute(std::size_t most) noexcept : most_(most) {}

    /// nullopt: as many commands may be sent now. Otherwise how long it takes until they may.
    [[nodiscard]] std::optional<std::chrono::seconds>
    wait_for(std::size_t commands, Kind kind, Clock::time_point now);
    void count(Kind kind, Clock::time_point now) { sent_.push_back({now, kind}); }
    /// Keeps commands for a turn that are not sent yet; a negative number gives them back.
    void reserve(std::ptrdiff_t commands) noexcept { reserved_ += commands; }

private:
    struct Sent {
        Clock::time_point at;
        Kind kind;
    };
    std::size_t most_;
    std::deque<Sent> sent_{}; ///< in the last minute, oldest first
    std::ptrdiff_t reserved_ = 0;
};

} // namespace oa_stream::authority
