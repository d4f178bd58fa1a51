// Validates UTF-8 byte by byte across cuts (Unicode 15, table 3-7).
#pragma once

namespace oa_stream::wire {

class Utf8Tracker {
public:
    /// True inside a sequence that is well formed so far.
    [[nodiscard]] bool pending() const noexcept { return missing_ != 0; }

    /// False when `byte` makes the text ill-formed.
    [[nodiscard]] bool step(unsigned char byte) noexcept {
        if (missing_ == 0) {
            return lead(byte);
        }
        if (byte < low_ || byte > high_) {
            missing_ = 0;
            return false;
        }
        low_ = 0x80;
        high_ = 0xBF;
        --missing_;
        return true;
    }

private:
    [[nodiscard]] bool lead(unsigned char byte) noexcept {
        low_ = 0x80;
        high_ = 0xBF;
        if (byte < 0x80) {
            return true;
        }
        if (byte >= 0xC2 && byte <= 0xDF) {
            missing_ = 1;
        } else if (byte >= 0xE0 && byte <= 0xEF) {
            missing_ = 2;
            low_ = byte == 0xE0 ? 0xA0 : 0x80;
            high_ = byte == 0xED ? 0x9F : 0xBF;
        } else if (byte >= 0xF0 && byte <= 0xF4) {
            missing_ = 3;
            low_ = byte == 0xF0 ? 0x90 : 0x80;
            high_ = byte == 0xF4 ? 0x8F : 0xBF;
        } else {
            return false;
        }
        return true;
    }

    int missing_ = 0;
    unsigned char low_ = 0x80;
    unsigned char high_ = 0xBF;
};

} // namespace oa_stream::wire
