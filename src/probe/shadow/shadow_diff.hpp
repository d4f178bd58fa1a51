// Where two turns differ.
#pragma once

#include "oa_stream/probe/shadow.hpp"

#include "shadow_turn.hpp"

#include <string>
#include <vector>

namespace oa_stream::probe {

struct Difference {
    std::string what;  ///< one word of k_difference_words
    std::string where; ///< "part 2 (tool shell)", "the turn"
    std::string lane;  ///< excerpts, printable
    std::string reference;
    [[nodiscard]] std::string sentence() const;
};
[[nodiscard]] Json to_json(const Difference& difference);

/// At most this many are listed of one pair of turns.
inline constexpr std::size_t k_listed_differences = 20;

/// Whether words of the answers stand in a difference.
enum class Excerpts { shown, hidden };

/// Empty: they say the same. In Compare::structure contents are not looked at: only kinds and their
/// order (equal neighbours count once), names and outcomes of tools, the shapes of their inputs,
/// the ending, and which usage is reported.
[[nodiscard]] std::vector<Difference> differences(
    const TurnMeaning& lane,
    const TurnMeaning& reference,
    Compare compare,
    Excerpts excerpts = Excerpts::shown
);

} // namespace oa_stream::probe
