#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/quantile.hpp"
#include "oa_stream/probe/shadow.hpp"

#include "shadow_native.hpp"
#include "shadow_turn.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace oa_stream::probe {
namespace {

constexpr std::array<std::string_view, 5> k_endings{
    "completed", "empty", "failed", "interrupted", "aborted"
};

bool is_expectation(std::string_view word) {
    return contains(k_endings, word) || parse_count(word, 400, 599).has_value();
}

Result<ShadowPrompt> from_json(std::string_view line) {
    OA_TRY(const Json json, parse_json(line));
    const auto prompt = string_member(json, "prompt");
    if (!prompt || prompt->empty()) {
        return fail(Code::unreadable, R"(no text in "prompt")");
    }
    for (const auto& [name, value] : json.items()) {
        // A misspelt "expect" would otherwise be ignored.
        if (name != "prompt" && name != "expect") {
            return fail(
                Code::unreadable,
                fmt::format("a prompt has no member '{}'", printable(name, 40)),
                {},
                "prompt and expect"
            );
        }
    }
    ShadowPrompt out{.text = std::string(*prompt)};
    if (const Json* expect = member(json, "expect")) {
        out.expect = expect->is_string() ? expect->get<std::string>() : dump_json(*expect);
        if (!is_expectation(out.expect)) {
            return fail(
                Code::unreadable,
                fmt::format("'{}' is not an ending", printable(out.expect, 40)),
                {},
                fmt::format("{} or an HTTP status of 400 to 599", fmt::join(k_endings, ", "))
            );
        }
    }
    return out;
}

} // namespace

std::string_view to_string(Compare compare) noexcept {
    return word_at(k_compare_words, compare);
}

Result<Compare> parse_compare(std::string_view text) {
    if (const auto found = enum_value<Compare>(k_compare_words, text)) {
        return *found;
    }
    return fail(
        Code::usage,
        fmt::format("'{}' cannot be compared", printable(text, 40)),
        {},
        "text or structure"
    );
}

Result<std::vector<ShadowPrompt>> parse_prompts(std::string_view text) {
    std::vector<ShadowPrompt> prompts;
    std::size_t number = 0;
    while (!text.empty()) {
        const std::string_view line = trim(cut_line(text));
        ++number;
        if (line.empty() || line.starts_with('#')) {
            continue;
        }
        if (invalid_utf8(line)) {
            return fail(Code::unreadable, "no UTF-8", fmt::format("line {}", number));
        }
        auto prompt = line.starts_with('{') ? from_json(line)
                                            : Result<ShadowPrompt>({.text = std::string(line)});
        if (!prompt) {
            return std::unexpected(std::move(prompt).error().prefixed(fmt::format("line {}", number)
            ));
        }
        if (prompts.size() == k_most_prompts) {
            return fail(Code::unreadable, fmt::format("more than {} prompts", k_most_prompts));
        }
        prompts.push_back(*std::move(prompt));
    }
    if (prompts.empty()) {
        return fail(Code::unreadable, "no prompt in it");
    }
    return prompts;
}

std::vector<ShadowPrompt> default_prompts(bool replay) {
    if (replay) {
        return {
            {.text = "scenario:echo;text=pong"},
            {.text = "scenario:words;n=20"},
            {.text = "scenario:tricky"},
        };
    }
    return {
        {.text = "Reply with the single word: pong"},
        {.text = "Reply with the numbers from 1 to 20 separated by spaces, nothing else."},
        {.text = "Reply with the first five letters of the alphabet, one a line."},
    };
}

ShadowPrompt prompt_of(std::shared_ptr<const authority::Capture> capture, bool replay) {
    const TurnMeaning meaning = meaning_of_events(recorded_turn(*capture).events, {});
    const bool empty = meaning.items.empty() && meaning.ending == "completed";
    return {
        .text = replay ? "replay:" + capture->name : capture->prompt,
        .expect = empty ? "empty" : meaning.ending,
        .recorded = std::move(capture),
    };
}

std::string_view why_not_again(const ShadowPrompt& prompt) noexcept {
    if (prompt.expect == "interrupted" || prompt.expect == "aborted") {
        return "its user stopped it";
    }
    return prompt.text.empty() ? "its message has no text" : "";
}

std::vector<std::string> ShadowOptions::default_ignored() {
    return {"durationMs", "generatedAt", "generated_at", "requestId", "request_id"};
}

bool ShadowPrompt::timed() const noexcept {
    return recorded == nullptr && contains(k_endings, expect);
}

// One more, because the first pair is not timed.
std::size_t default_runs(std::size_t timed) noexcept {
    const auto pairs = measure::needed_for_upper_rank(measure::k_p95, 0.95) + 1;
    return timed == 0 ? 1 : (pairs + timed - 1) / timed;
}

} // namespace oa_stream::probe
