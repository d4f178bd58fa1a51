// Bytes of a pipe → lines. Only 0x0A ends a line: U+2028 and friends stand raw inside JSON strings.
#pragma once

#include "oa_stream/base/error.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace oa_stream::authority {

class LineSplitter {
public:
    /// `limit`: bytes one line may have.
    explicit LineSplitter(std::size_t limit) : limit_(limit) {}

    /// Calls `each(std::string_view line)` for every line that `bytes` completes, without its end.
    /// Code::too_large when a line outgrows the limit; nothing more can be fed then.
    template <class Each> [[nodiscard]] Result<void> feed(std::string_view bytes, Each&& each) {
        while (true) {
            const std::size_t end = bytes.find('\n');
            if (rest_.size() + (end == std::string_view::npos ? bytes.size() : end) > limit_) {
                return fail(Code::too_large, "a line outgrew its limit");
            }
            if (end == std::string_view::npos) {
                rest_.append(bytes);
                return {};
            }
            if (rest_.empty()) {
                each(bytes.substr(0, end));
            } else {
                rest_.append(bytes.substr(0, end));
                const std::string line = std::exchange(rest_, {});
                each(std::string_view(line));
            }
            bytes.remove_prefix(end + 1);
        }
    }

    /// What stands after the last line end.
    [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

private:
    std::size_t limit_;
    std::string rest_{};
};

} // namespace oa_stream::authority
