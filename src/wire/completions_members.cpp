#include "completions_members.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/wire/json_scan.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::wire::completions {

namespace {

constexpr std::array<std::string_view, 4> k_finishes{
    "stop", "length", "content_filter", "tool_calls"
};
constexpr std::array<std::string_view, 8> k_envelope_members{
    "id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier"
};
constexpr std::array<std::string_view, 5> k_usage_members{
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "prompt_tokens_details",
    "completion_tokens_details"
};
constexpr std::array<std::string_view, 2> k_error_frame{"error", "choices"};
constexpr std::array<std::string_view, 4> k_error_members{"message", "type", "param", "code"};

} // namespace

void Members::note(std::string_view key, std::string_view what) const {
    const std::string_view dot = where_.empty() ? "" : ".";
    notes_.push_back({rule_, fmt::format("{}{}{} {}", where_, dot, key, what)});
}

std::optional<std::string> Members::maybe_text(std::string_view key) const {
    const Json* found = find(key);
    if (found == nullptr) {
        return std::nullopt;
    }
    if (!found->is_string()) {
        note(key, fmt::format("is {}, not a string", found->type_name()));
        return std::nullopt;
    }
    return found->get<std::string>();
}

std::string Members::text(std::string_view key) const {
    if (find(key) == nullptr) {
        note(key, "is missing");
    }
    return maybe_text(key).value_or("");
}

std::string Members::word(std::string_view key) const {
    std::string found = text(key);
    if (found.empty() && string_member(object_, key)) {
        note(key, "is empty");
    }
    return found;
}

std::optional<std::int64_t> Members::maybe_count(std::string_view key) const {
    const Json* found = find(key);
    if (found == nullptr) {
        return std::nullopt;
    }
    const auto whole = whole_member(object_, key);
    if (whole && *whole >= 0) {
        return whole;
    }
    note(key, fmt::format("is {}, not a count", printable(dump_json(*found), 40)));
    return std::nullopt;
}

std::int64_t Members::count(std::string_view key) const {
    if (find(key) == nullptr) {
        note(key, "is missing");
    }
    return maybe_count(key).value_or(0);
}

const Json* Members::object(std::string_view key) const {
    const Json* found = find(key);
    if (found == nullptr || !found->is_object()) {
        note(key, found == nullptr ? "is missing" : "is not an object");
        return nullptr;
    }
    return found;
}

void Members::only(std::span<const std::string_view> known) const {
    if (!object_.is_object()) {
        return; // its missing members are noted
    }
    for (const auto& [name, value] : object_.items()) {
        if (!value.is_null() && !contains(known, name)) {
            notes_.push_back(
                {"C18",
                 fmt::format("{} has \"{}\"", where_.empty() ? "it" : where_, printable(name, 40))}
            );
        }
    }
}

Envelope read_envelope(const Members& of, std::string_view object_word) {
    Envelope out;
    out.id = of.text("id");
    constexpr std::string_view k_prefix = "chatcmpl-";
    if (!out.id.empty() && (!out.id.starts_with(k_prefix) || out.id.size() == k_prefix.size())) {
        of.note("id", fmt::format("is \"{}\", not chatcmpl-…", printable(out.id, 60)));
    }
    if (const std::string word = of.text("object"); !word.empty() && word != object_word) {
        of.note("object", fmt::format("is \"{}\", not {}", printable(word, 40), object_word));
    }
    out.created = of.count("created");
    if (out.created >= k_seconds_end) {
        of.note("created", fmt::format("is {}: no seconds", out.created));
    }
    out.model = of.word("model");
    of.only(k_envelope_members);
    const Json* choices = of.find("choices");
    if (choices == nullptr || !choices->is_array()) {
        of.note("choices", "is not an array");
        return out;
    }
    out.has_choices = true;
    if (choices->size() > 1) {
        of.note("choices", fmt::format("has {} choices", choices->size()));
    }
    out.choice = choices->empty() ? nullptr : &choices->front();
    if (out.choice != nullptr && whole_member(*out.choice, "index") != 0) {
        of.note("choices[0].index", "is not 0");
    }
    return out;
}

std::optional<Usage> read_usage(const Members& of, Notes& notes) {
    const Json* found = of.find("usage");
    if (found == nullptr || found->is_null()) {
        return std::nullopt;
    }
    if (!found->is_object()) {
        notes.push_back({"C13", fmt::format("usage is {}", found->type_name())});
        return std::nullopt;
    }
    const Members members(*found, "usage", "C13", notes);
    members.only(k_usage_members);
    Usage usage;
    usage.prompt = members.count("prompt_tokens");
    usage.completion = members.count("completion_tokens");
    usage.total = members.count("total_tokens");
    const auto detail = [&](std::string_view key, std::string_view inner) {
        const Json* details = members.find(key);
        if (details == nullptr || details->is_null()) {
            return std::optional<std::int64_t>{};
        }
        if (!details->is_object()) {
            members.note(key, "is not an object");
        }
        return Members(*details, key, "C13", notes).maybe_count(inner);
    };
    usage.cached = detail("prompt_tokens_details", "cached_tokens");
    usage.reasoning = detail("completion_tokens_details", "reasoning_tokens");
    return usage;
}

std::optional<std::string> read_finish(const Members& choice) {
    const Json* found = choice.find("finish_reason");
    if (found == nullptr) {
        choice.note("finish_reason", "is missing");
        return std::nullopt;
    }
    if (found->is_null()) {
        return std::nullopt;
    }
    auto word = choice.maybe_text("finish_reason");
    if (word && !contains(k_finishes, *word)) {
        choice.note("finish_reason", fmt::format("is \"{}\"", printable(*word, 40)));
    }
    return word;
}

ErrorObject read_error(const Json& object, const Json& value, Notes& notes) {
    const Members frame(object, "", "C14", notes);
    frame.only(k_error_frame);
    if (given(object, "choices") != nullptr) {
        frame.note("choices", "stands beside the error");
    }
    ErrorObject out;
    if (!value.is_object()) {
        notes.push_back({"C14", fmt::format("error is {}", value.type_name())});
        return out;
    }
    const Members error(value, "error", "C14", notes);
    error.only(k_error_members);
    out.message = error.word("message");
    out.type = error.word("type");
    out.code = error.word("code");
    const Json* param = error.find("param");
    if (param == nullptr) {
        error.note("param", "is missing");
    } else if (!param->is_null()) {
        out.param = error.maybe_text("param");
    }
    return out;
}

} // namespace oa_stream::wire::completions
