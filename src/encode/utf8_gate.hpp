// Lets whole code points through and holds back the beginning of an unfinished one: a character cut
// over two deltas would reach clients as two U+FFFD.
#pragma once

#include "oa_stream/base/text.hpp"

#include <string>
#include <utility>

namespace oa_stream::encode {

class Utf8Gate {
public:
    /// Turns `text` into what may be sent now. True when a tail was held back.
    [[nodiscard]] bool pass(std::string& text) {
        if (!held_.empty()) {
            text.insert(0, held_);
            held_.clear();
        }
        const std::size_t whole = whole_utf8_prefix(text);
        if (whole == text.size()) {
            return false;
        }
        held_.assign(text, whole);
        text.resize(whole);
        return true;
    }
    /// What stands for a tail that was never finished: U+FFFD, or nothing.
    [[nodiscard]] std::string flush() {
        return std::exchange(held_, {}).empty() ? std::string() : std::string("\xEF\xBF\xBD");
    }

private:
    std::string held_{}; // at most three bytes
};

} // namespace oa_stream::encode
