// A long text in parts. Each line knows how early it may go when there is not room for all.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace oa_stream::incident {

/// What goes first is first.
enum class Rank {
    access,
    stream_file,
    passed,
    routine,
    other_file,
    chart,
    turning,
    key_event,
    open_check, ///< not failed, not passed
    never,
};

struct Line {
    std::string text; ///< without its end
    Rank rank = Rank::never;
};

struct Part {
    std::string head; ///< with everything before the lines
    std::vector<Line> lines{};
    std::string foot{};
};

/// All parts, without the lines that have to go for `limit` bytes; each part says what it lacks.
[[nodiscard]] std::string render(const std::vector<Part>& parts, std::size_t limit);

} // namespace oa_stream::incident
