// Passes whole code points and holds back an incomplete one: clients would show a character split
// over two deltas as two U+FFFD.
#pragma once

#include "oa_stream/base/text.hpp"

#include <string>
#include <utility>

namespace oa_stream::encode {

class Utf8Gate {
public:
    /// Reduces `text` to what may be sent now. True when a tail was held back.
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
    /// The replacement for an unfinished tail: U+FFFD, or nothing.
    [[nodiscard]] std::string flush() {
        return std::exchange(held_, {}).empty() ? std::string() : std::string("\xEF\xBF\xBD");
    }

private:
    std::string held_{}; // at most three bytes
};

} // namespace oa_stream::encode
