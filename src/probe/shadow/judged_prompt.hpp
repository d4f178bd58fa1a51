// The results of one prompt's pairs, and the check that they make.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/probe/shadow.hpp"

#include "shadow_judge.hpp"

#include <string>
#include <vector>

namespace oa_stream::probe {

struct JudgedPrompt {
    std::size_t pairs = 0;
    std::size_t kept = 0; ///< whose streams are stored
    std::size_t wrong = 0;
    /// Pairs in which the reference alone did not end as expected: no evidence against the lane.
    std::size_t unusable = 0;
    Verdict verdict = Verdict::pass;
    std::string detail{}; ///< of the first pair that differs
    std::string unusable_detail{}; ///< of the first such pair
    Json data = Json::object();
    std::vector<std::string> evidence{};
    std::string ended{}; ///< how the first pair ended

    void add(const PairVerdict& pair, const std::string& lane_ending);
    /// What may be shown of the prompt: a recording's name, as its text is a user's.
    [[nodiscard]] static std::string name_of(const ShadowPrompt& prompt);
    /// `options`: how was compared. Takes the data and the evidence.
    [[nodiscard]] Check
    conclude(std::string id, const ShadowPrompt& prompt, const ShadowOptions& options);

private:
    void add_verdict(Check& check, const std::string& name, const ShadowOptions& options) const;
};

} // namespace oa_stream::probe
