// What the contract's tests share: judging a string at a given cut, and the rule ids found.
#pragma once

#include "oa_stream/contract/judge.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::contract {

inline constexpr std::size_t k_whole = ~std::size_t{0};

/// Headers that keep H1–H6.
inline ResponseHead good_head(int status = 200) {
    return {
        .status = status,
        .headers =
            {
                {"content-type", "text/event-stream"},
                {"cache-control", "no-cache, no-transform"},
                {"x-vercel-ai-ui-message-stream", "v1"},
                {"x-accel-buffering", "no"},
            },
    };
}

inline void feed(Judge& judge, std::string_view bytes, std::size_t cut = k_whole) {
    while (!bytes.empty()) {
        judge.feed(bytes.substr(0, cut));
        bytes.remove_prefix(std::min(cut, bytes.size()));
    }
}

/// As the answer to a user's message.
inline Judgement
judge_bytes(std::string_view bytes, std::size_t cut = k_whole, Profile profile = Profile::ai_sdk) {
    Judge judge(profile);
    judge.messages_known();
    feed(judge, bytes, cut);
    return judge.finish();
}

/// The same, in pieces of 1 to 50 bytes.
inline Judgement judge_in_pieces(std::string_view bytes, Profile profile, auto& random) {
    Judge judge(profile);
    judge.messages_known();
    while (!bytes.empty()) {
        const std::size_t cut = std::min<std::size_t>(1 + random() % 50U, bytes.size());
        judge.feed(bytes.substr(0, cut));
        bytes.remove_prefix(cut);
    }
    return judge.finish();
}

inline std::set<std::string> ids(const std::vector<Violation>& violations) {
    std::set<std::string> out;
    for (const Violation& violation : violations) {
        out.emplace(violation.rule->id);
    }
    return out;
}

/// Every finding with its place, one line each.
inline std::vector<std::string> listed(const Judgement& judgement) {
    std::vector<std::string> out;
    for (const auto* list : {&judgement.violations, &judgement.warnings}) {
        for (const Violation& found : *list) {
            out.push_back(
                std::string(found.rule->id) + '@' + std::to_string(found.frame) + ':' +
                std::to_string(found.offset) + ' ' + found.message
            );
        }
    }
    return out;
}

inline std::string slurp(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline const std::string k_kit = OA_SOURCE_DIR "/tests/conformance/ui-message-stream/";

/// The rules that the kit has, in its order: a row of its table each, by id. Our own may stand
/// anywhere between them.
inline std::vector<std::pair<std::string, std::string>> kit_rules() {
    std::vector<std::pair<std::string, std::string>> out;
    std::istringstream readme(slurp(k_kit + "README.md"));
    for (std::string line; std::getline(readme, line);) {
        const std::size_t level = line.find(" | must | ");
        const std::size_t found = level != std::string::npos ? level : line.find(" | should | ");
        if (line.starts_with("| ") && found != std::string::npos) {
            out.emplace_back(line.substr(2, found - 2), line);
        }
    }
    return out;
}

/// A stream that keeps every rule.
inline constexpr std::string_view k_good =
    "data: {\"type\":\"start\",\"messageId\":\"m1\"}\n\n"
    "data: {\"type\":\"start-step\"}\n\n"
    "data: {\"type\":\"text-start\",\"id\":\"t1\"}\n\n"
    "data: {\"type\":\"text-delta\",\"id\":\"t1\",\"delta\":\"Hi\"}\n\n"
    "data: {\"type\":\"text-end\",\"id\":\"t1\"}\n\n"
    "data: {\"type\":\"finish-step\"}\n\n"
    "data: {\"type\":\"finish\"}\n\n"
    "data: [DONE]\n\n";

/// A stream that tells the output of a call which it did not begin.
inline constexpr std::string_view k_output_alone =
    "data: {\"type\":\"start\",\"messageId\":\"m1\"}\n\n"
    "data: {\"type\":\"start-step\"}\n\n"
    "data: "
    "{\"type\":\"tool-output-available\",\"toolCallId\":\"c\",\"output\":1,\"dynamic\":true}\n\n"
    "data: {\"type\":\"finish-step\"}\n\n"
    "data: {\"type\":\"finish\"}\n\n"
    "data: [DONE]\n\n";

} // namespace oa_stream::contract
