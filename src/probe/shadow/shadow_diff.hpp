// Finds the differences of two turns.
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

/// Limit of differences listed per pair of turns.
inline constexpr std::size_t k_listed_differences = 20;

/// Whether differences contain text of the answers.
enum class Excerpts { shown, hidden };

/// Empty: the turns are equivalent. Compare::structure ignores contents: it compares only kinds and
/// their order (equal neighbours count once), names and outcomes of tools, the shapes of their
/// inputs, the ending, and which usage is reported.
[[nodiscard]] std::vector<Difference> differences(
    const TurnMeaning& lane,
    const TurnMeaning& reference,
    Compare compare,
    Excerpts excerpts = Excerpts::shown
);

} // namespace oa_stream::probe
