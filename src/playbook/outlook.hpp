// What is looked at while a plan is made: which builds the revisions are, and whether its gates can
// decide at all. Private to the room.
#pragma once

#include "oa_stream/playbook/outside.hpp"

#include <string>
#include <vector>

namespace oa_stream::playbook {

/// revision → {"driver": its own facts, "version": what GET /version says}; null where neither
/// tells. Never fails: who does not answer is found by the smokes.
[[nodiscard]] Task<Json>
revision_facts(const Outside* outside, const Playbook* playbook, const traffic::TrafficState* live);

struct Tried {
    Json records = Json::array(); ///< a gate each: id, value, n, needs_n, decides_in_s, sentence
    std::vector<std::string> warnings{};
};

/// Probes stable for a moment and evaluates each gate once. Code::precondition when nobody
/// answered: a gate without any series would be met for ever, or never.
[[nodiscard]] Task<Result<Tried>>
try_gates(const Outside* outside, const Playbook* playbook, Millis window);

/// One line a gate, for people.
[[nodiscard]] std::string tried_text(const Json& record);

} // namespace oa_stream::playbook
