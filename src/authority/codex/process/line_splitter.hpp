// Bytes of a pipe → lines. Only 0x0A ends a line: U+2028 and similar characters occur raw inside
// JSON strings.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace oa_stream::authority {

class LineSplitter {
public:
    /// `limit`: maximum bytes of a line.
    explicit LineSplitter(std::size_t limit) : limit_(limit) {}

    /// Calls `each(std::string_view line)` for every line that `bytes` completes, without its line
    /// end. When a line exceeds the limit, calls `overlong(std::string_view begin)` at once with
    /// its first `limit` bytes and drops the rest.
    template <class Each, class Overlong>
    void feed(std::string_view bytes, Each&& each, Overlong&& overlong) {
        while (true) {
            const std::size_t end = bytes.find('\n');
            const std::string_view piece = bytes.substr(0, end);
            if (!dropping_ && rest_.size() + piece.size() > limit_) {
                dropping_ = true;
                rest_.append(piece.substr(0, limit_ - rest_.size()));
                const std::string begin = std::exchange(rest_, {});
                overlong(std::string_view(begin));
            }
            if (end == std::string_view::npos) {
                rest_.append(dropping_ ? std::string_view() : piece);
                return;
            }
            bytes.remove_prefix(end + 1);
            if (std::exchange(dropping_, false)) {
                continue;
            }
            if (rest_.empty()) {
                each(piece);
            } else {
                rest_.append(piece);
                const std::string line = std::exchange(rest_, {});
                each(std::string_view(line));
            }
        }
    }

    /// The unfinished line.
    [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

private:
    std::size_t limit_;
    std::string rest_{};
    bool dropping_ = false; ///< skipping the rest of an overlong line
};

} // namespace oa_stream::authority
