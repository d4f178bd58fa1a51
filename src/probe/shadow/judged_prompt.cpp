#include "judged_prompt.hpp"

#include "oa_stream/authority/capture.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace oa_stream::probe {

void JudgedPrompt::add(const PairVerdict& pair, const std::string& lane_ending) {
    ++pairs;
    if (ended.empty()) {
        ended = lane_ending;
    }
    if (pair.reference_failed) {
        ++unusable;
        unusable_detail = unusable_detail.empty() ? pair.detail : unusable_detail;
        return;
    }
    if (pair.verdict == Verdict::pass) {
        return;
    }
    ++wrong;
    const Verdict both = worst(std::array{verdict, pair.verdict});
    // The worst pair determines the result; the first among equals.
    if (detail.empty() || both != verdict) {
        detail = pair.detail;
        data = Json::object();
        if (!pair.outcome.empty()) {
            data["outcome"] = pair.outcome;
        }
        data["differences"] = json_list(pair.differences);
    }
    verdict = both;
}

std::string JudgedPrompt::name_of(const ShadowPrompt& prompt) {
    return printable(prompt.recorded ? prompt.recorded->name : prompt.text, 48);
}

void JudgedPrompt::add_verdict(Check& check, const std::string& name, const ShadowOptions& options)
    const {
    const std::string unfit =
        unusable == 0 ? ""
                      : fmt::format("; in {} of {} only the reference failed", unusable, pairs);
    if (pairs == 0) {
        check.verdict = Verdict::inconclusive;
        check.detail = name + ": not asked, the side did not answer";
    } else if (wrong > 0) {
        check.verdict = verdict;
        check.detail = fmt::format("{}: in {} of {}: {}{}", name, wrong, pairs, detail, unfit);
    } else if (2 * unusable > pairs) {
        check.verdict = Verdict::inconclusive;
        check.detail = fmt::format("{}: in {} of {}: {}", name, unusable, pairs, unusable_detail);
        if (options.latency.undecided_skips) { // to leave a reference that fails is no fault
            check.leave_out();
        }
    } else {
        check.verdict = Verdict::pass;
        check.detail = fmt::format(
            "{}: {} on both sides, {} of {} the same ({}){}",
            name,
            ended,
            pairs - unusable,
            pairs,
            to_string(options.compare),
            unfit
        );
    }
}

Check JudgedPrompt::conclude(
    std::string id, const ShadowPrompt& prompt, const ShadowOptions& options
) {
    Check check;
    check.id = std::move(id);
    add_verdict(check, name_of(prompt), options);
    check.data = std::move(data);
    check.data[prompt.recorded ? "recording" : "prompt"] =
        prompt.recorded ? prompt.recorded->name : prompt.text;
    check.data["expect"] = prompt.expect;
    check.data["compare"] = to_string(options.compare);
    check.data["pairs"] = pairs;
    check.data["different"] = wrong;
    check.data["reference_failed"] = unusable;
    check.evidence = std::move(evidence);
    return check;
}

} // namespace oa_stream::probe
