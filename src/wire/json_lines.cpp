#include "json_lines.hpp"

#include <fmt/format.h>

#include <optional>

namespace oa_stream::wire {

Result<void> LineReader::feed(std::string_view bytes, const Sink& sink) {
    std::optional<std::uint64_t> too_long;
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        const bool complete = end != std::string_view::npos;
        const std::string_view piece = bytes.substr(0, complete ? end : bytes.size());
        if (!dropping_ && rest_.size() + piece.size() > cap_) {
            dropping_ = true;
            ++dropped_;
            too_long = too_long.value_or(line_start_);
            rest_.clear();
        }
        const std::size_t taken = piece.size() + (complete ? 1U : 0U);
        offset_ += taken;
        bytes.remove_prefix(taken);
        if (!complete) {
            if (!dropping_) {
                rest_.append(piece);
            }
            break;
        }
        line_start_ = offset_;
        if (dropping_) {
            dropping_ = false;
        } else if (rest_.empty()) {
            sink(piece); // the usual case: the line lies whole in this feed
        } else {
            rest_.append(piece);
            sink(rest_);
            rest_.clear();
        }
    }
    if (too_long) {
        return fail(
            Code::too_large,
            fmt::format("the line at byte {} is longer than {} bytes", *too_long, cap_)
        );
    }
    return {};
}

} // namespace oa_stream::wire
