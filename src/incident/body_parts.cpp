#include "body_parts.hpp"

#include "oa_stream/base/enum_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

namespace oa_stream::incident {
namespace {

constexpr std::size_t k_long_part = 100;
constexpr std::size_t k_marker_room = 260; ///< for what one part says of its missing lines

std::string_view what(Rank rank) {
    static constexpr std::array<std::string_view, 10> k_words{
        "requests that went well",
        "stored streams and logs",
        "passed checks",
        "routine events",
        "other files",
        "lines of charts",
        "changes",
        "failures and notes, the oldest of them",
        "undecided checks",
        "lines"
    };
    return enum_word<Rank::never>(k_words, rank);
}

using Gone = std::vector<std::vector<bool>>; ///< by part and line

std::size_t full_size(const std::vector<Part>& parts) {
    std::size_t out = 0;
    for (const Part& part : parts) {
        out += part.head.size() + part.foot.size();
        for (const Line& line : part.lines) {
            out += line.text.size() + 1;
        }
    }
    return out;
}

Gone lines_to_drop(const std::vector<Part>& parts, std::size_t limit) {
    Gone gone;
    struct Place {
        Rank rank;
        std::size_t part;
        std::size_t line;
        auto operator<=>(const Place&) const = default;
    };
    std::vector<Place> order;
    for (std::size_t p = 0; p < parts.size(); ++p) {
        gone.emplace_back(parts[p].lines.size(), false);
        for (std::size_t l = 0; l < parts[p].lines.size(); ++l) {
            if (parts[p].lines[l].rank != Rank::never) {
                order.push_back({parts[p].lines[l].rank, p, l});
            }
        }
    }
    std::size_t size = full_size(parts) + parts.size() * k_marker_room;
    std::ranges::sort(order);
    for (const Place& place : order) {
        // Of a long timeline nobody reads what went well.
        const bool dull = place.rank <= Rank::passed && place.rank != Rank::stream_file &&
                          parts[place.part].lines.size() > k_long_part;
        if (size <= limit && !dull) {
            if (place.rank > Rank::passed) {
                break;
            }
            continue;
        }
        gone[place.part][place.line] = true;
        size -= parts[place.part].lines[place.line].text.size() + 1;
    }
    return gone;
}

std::string marker(const Part& part, const std::vector<bool>& gone) {
    std::map<Rank, std::size_t> counts;
    for (std::size_t i = 0; i < gone.size(); ++i) {
        if (gone[i]) {
            ++counts[part.lines[i].rank];
        }
    }
    std::string out;
    for (const auto& [rank, count] : counts) {
        out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, what(rank));
    }
    return out.empty() ? out : fmt::format("\n*Left out here: {}. The bundle has all.*\n", out);
}

} // namespace

std::string render(const std::vector<Part>& parts, std::size_t limit) {
    const Gone gone = lines_to_drop(parts, limit);
    std::string out;
    for (std::size_t p = 0; p < parts.size(); ++p) {
        out += parts[p].head;
        for (std::size_t l = 0; l < parts[p].lines.size(); ++l) {
            if (!gone[p][l]) {
                out += parts[p].lines[l].text + "\n";
            }
        }
        out += parts[p].foot;
        out += marker(parts[p], gone[p]);
    }
    return out;
}

} // namespace oa_stream::incident
