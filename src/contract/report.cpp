#include "oa_stream/contract/report.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/option_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace oa_stream::contract {

namespace {

constexpr std::size_t k_shown = 10; ///< lines per rule in the text; --json has all

Json violation_json(const Violation& violation) {
    Json out = Json::object();
    out["rule"] = violation.rule->id;
    out["level"] = to_string(violation.rule->level);
    const bool in_stream = violation.frame != k_at_end && violation.frame != k_in_head;
    out["frame"] = in_stream ? Json(violation.frame) : Json(nullptr);
    out["offset"] = violation.frame == k_in_head ? Json(nullptr) : Json(violation.offset);
    out["message"] = violation.message;
    return out;
}

std::string place_of(const Violation& violation) {
    if (violation.frame == k_in_head) {
        return fmt::format("{:>6}  {:>9}", "head", "");
    }
    if (violation.frame == k_at_end) {
        return fmt::format("{:>6}  {:>9}", "end", violation.offset);
    }
    return fmt::format("{:>6}  {:>9}", violation.frame, violation.offset);
}

void append_findings(std::string& out, std::span<const Violation> findings) {
    std::map<const Rule*, std::size_t> shown;
    for (const Violation& finding : findings) {
        const std::size_t count = ++shown[finding.rule];
        if (count > k_shown) {
            continue;
        }
        out += fmt::format(
            "  {:<4}  {:<6}  {}  {}\n",
            finding.rule->id,
            to_string(finding.rule->level),
            place_of(finding),
            finding.message
        );
        if (count == 1) {
            out += fmt::format("  {:<33}rule: {}\n", "", finding.rule->statement);
        }
    }
    for (const auto& [rule, count] : shown) {
        if (count > k_shown) {
            out += fmt::format("  {:<4}  and {} more\n", rule->id, count - k_shown);
        }
    }
}

/// Rules that can be judged from the bytes alone, unless the call may be in the request's messages.
bool is_about_calls(std::string_view id) {
    return id == "T1" || id == "Q1" || id == "Q3";
}

std::string_view what_helps(const Rule& rule, bool has_stream) {
    if (!has_stream) {
        return "there is no stream";
    }
    switch (rule.input) {
    case Input::headers:
        return "give --headers FILE";
    case Input::messages:
        return "give --messages FILE";
    case Input::resume: // R1 and R2 are about the status
        return rule.id == "R1" || rule.id == "R2" ? "give --recording FILE and --headers FILE"
                                                  : "give --recording FILE";
    case Input::transport:
        return "a file does not show how its connection ended";
    case Input::bytes:
        if (is_about_calls(rule.id)) {
            return "give --messages FILE";
        }
        break;
    }
    return "its reader went away before the end";
}

void append_not_judged(std::string& out, const Judgement& judgement) {
    const bool has_stream =
        judgement.left || std::ranges::none_of(judgement.not_judged, [](std::string_view id) {
            return find_rule(id)->input == Input::bytes && !is_about_calls(id);
        });
    std::vector<std::pair<std::string_view, std::string>> groups; // in order of appearance
    for (const std::string_view id : judgement.not_judged) {
        const std::string_view why = what_helps(*find_rule(id), has_stream);
        if (groups.empty() || groups.back().first != why) {
            groups.emplace_back(why, id);
        } else {
            groups.back().second.append(" ").append(id);
        }
    }
    for (const auto& [why, ids] : groups) {
        out += fmt::format("not judged: {} ({})\n", ids, why);
    }
}

} // namespace

Json to_json(const Judgement& judgement, Profile profile) {
    Json out = Json::object();
    out["verdict"] = judgement.pass() ? "pass" : "fail";
    out["violations"] = json_list(judgement.violations, violation_json);
    out["warnings"] = json_list(judgement.warnings, violation_json);
    out["not_judged"] = judgement.not_judged;
    out["profile"] = to_string(profile);
    out["answer"] = to_string(judgement.answer);
    out["frames"] = judgement.frames;
    out["bytes"] = judgement.bytes;
    out["unlisted"] = judgement.unlisted;
    return out;
}

std::string to_text(const Judgement& judgement, Profile profile, std::string_view name) {
    std::string out = fmt::format(
        "{}  {}: {}, {} in {} ({}), profile {}\n",
        judgement.pass() ? "PASS" : "FAIL",
        name,
        counted(judgement.violations.size(), "violation"),
        counted(judgement.warnings.size(), "warning"),
        judgement.answer == AnswerKind::stream  ? counted(judgement.frames, "frame")
        : judgement.answer == AnswerKind::whole ? "one whole answer"
                                                : "one error answer",
        counted(judgement.bytes, "byte"),
        to_string(profile)
    );
    if (!judgement.violations.empty() || !judgement.warnings.empty()) {
        out += fmt::format(
            "\n  {:<4}  {:<6}  {:>6}  {:>9}  {}\n", "rule", "level", "frame", "byte", "found"
        );
        append_findings(out, judgement.violations);
        append_findings(out, judgement.warnings);
        if (judgement.unlisted != 0) {
            out += fmt::format("  {} more are counted, not listed\n", judgement.unlisted);
        }
        out += '\n';
    }
    append_not_judged(out, judgement);
    if (!judgement.pass()) {
        const std::string rule(judgement.violations[0].rule->id);
        out += fmt::format("next: {}\n", Suggestion{"check", {names::explain, rule}}.text());
    }
    return out;
}

} // namespace oa_stream::contract
