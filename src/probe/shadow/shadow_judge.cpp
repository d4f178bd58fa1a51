#include "shadow_judge.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::probe {

std::string ending_of(const ProbeSample& sample, const TurnMeaning& meaning) {
    switch (sample.outcome) {
    case Outcome::ok:
        if (meaning.cut) { // its end was read, but not kept
            return sample.terminal.empty() ? "completed" : sample.terminal;
        }
        [[fallthrough]];
    case Outcome::in_stream_error:
        return meaning.ending;
    case Outcome::http_status:
    case Outcome::compat_rejected:
    case Outcome::unauthorised:
        return std::to_string(sample.status);
    default:
        return std::string(to_string(sample.outcome));
    }
}

PairVerdict judge_pair(
    const Heard& lane,
    const Heard& reference,
    const std::string& expect,
    Compare compare,
    Excerpts excerpts
) {
    for (const auto& [name, side] : {std::pair{"lane", &lane}, {"reference", &reference}}) {
        if (side->unreachable || (side->denied && side->ending != expect)) {
            return {
                Verdict::error,
                fmt::format("the {} could not be asked: {}", name, side->detail),
                {},
                side->denied ? std::string(k_unauthorised) : "unreachable"
            };
        }
    }
    const bool lane_wrong = lane.ending != expect;
    const bool reference_wrong = reference.ending != expect;
    if (lane_wrong || reference_wrong) {
        std::string text = fmt::format("expected {} of both", expect);
        if (lane_wrong) {
            text += fmt::format("; the lane: {} ({})", lane.ending, lane.detail);
        }
        if (reference_wrong) {
            text += fmt::format("; the reference: {} ({})", reference.ending, reference.detail);
        }
        if (lane_wrong && reference_wrong) {
            text += "; failing alike is not being equal";
        }
        return {
            lane_wrong ? Verdict::fail : Verdict::inconclusive,
            std::move(text),
            differences(lane.meaning, reference.meaning, compare, excerpts),
            {},
            !lane_wrong
        };
    }
    auto found = differences(lane.meaning, reference.meaning, compare, excerpts);
    if (!found.empty()) {
        std::string text = found.front().sentence();
        if (found.size() > 1) {
            text += fmt::format(" (and {} more)", found.size() - 1);
        }
        return {Verdict::fail, std::move(text), std::move(found)};
    }
    if (lane.meaning.cut || reference.meaning.cut) {
        return {Verdict::inconclusive, "equal up to 8 MiB, longer than is compared"};
    }
    return {};
}

Json pair_json(const Heard& lane, const Heard& reference, Verdict verdict) {
    const auto side = [](const Heard& heard) {
        Json out = {{"ending", heard.ending}};
        if (heard.first_content_s) {
            out["first_content_s"] = *heard.first_content_s;
        }
        if (heard.end_s) {
            out["end_s"] = *heard.end_s;
        }
        return out;
    };
    return {
        {"lane", side(lane)},
        {"reference", side(reference)},
        {"verdict", to_string(verdict)},
    };
}

} // namespace oa_stream::probe
