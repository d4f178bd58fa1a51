// One answer as its client sees it: judged by the contract, its text kept.
#pragma once

#include "oa_stream/contract/judge.hpp"

#include <string>
#include <string_view>

namespace oa_stream::churn {

class Watch {
public:
    Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    [[nodiscard]] contract::Judge& judge() noexcept { return judge_; }
    void feed(std::string_view bytes) { judge_.feed(bytes); }

    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    [[nodiscard]] bool failed() const noexcept { return failed_; } ///< an error chunk was told
    [[nodiscard]] bool aborted() const noexcept { return aborted_; } ///< the turn was stopped

private:
    contract::Judge judge_;
    std::string text_;
    bool failed_ = false;
    bool aborted_ = false;
};

} // namespace oa_stream::churn
