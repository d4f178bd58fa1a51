// Typed access to the members of completion objects; notes missing members and wrong types.
#pragma once

#include "oa_stream/wire/completions_chunk.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::wire::completions {

using Notes = std::vector<ParseNote>;

/// One object of a chunk or an answer: `where` names it in notes ("choices[0].delta").
class Members {
public:
    Members(const Json& object, std::string_view where, std::string_view rule, Notes& notes)
        : object_(object), where_(where), rule_(rule), notes_(notes) {}

    /// A required string; "" (noted) when it is missing.
    [[nodiscard]] std::string text(std::string_view key) const;
    /// Like text(), but an empty string is noted too.
    [[nodiscard]] std::string word(std::string_view key) const;
    /// nullopt when it is missing; noted when it is not a string.
    [[nodiscard]] std::optional<std::string> maybe_text(std::string_view key) const;
    /// A whole number from 0 up, as JavaScript sees it (3.0 is one); 0 (noted) otherwise.
    [[nodiscard]] std::int64_t count(std::string_view key) const;
    [[nodiscard]] std::optional<std::int64_t> maybe_count(std::string_view key) const;
    /// The member as an object, nullptr (noted) otherwise.
    [[nodiscard]] const Json* object(std::string_view key) const;
    /// C18: notes members with other names, unless they are null.
    void only(std::span<const std::string_view> known) const;

    void note(std::string_view key, std::string_view what) const;
    [[nodiscard]] const Json* find(std::string_view key) const { return member(object_, key); }

private:
    const Json& object_;
    std::string_view where_;
    std::string_view rule_;
    Notes& notes_;
};

/// The members common to a chunk and an answer.
struct Envelope {
    std::string id{};
    std::int64_t created = 0;
    std::string model{};
    const Json* choice = nullptr; ///< the first; nullptr when there is none
    bool has_choices = false;     ///< choices is an array
};
[[nodiscard]] Envelope read_envelope(const Members& of, std::string_view object_word);
/// The "usage" of `of`; nullopt when it is missing, null or not an object (C13).
[[nodiscard]] std::optional<Usage> read_usage(const Members& of, Notes& notes);
/// nullopt when it is null. Notes a missing value and words unknown to the API.
[[nodiscard]] std::optional<std::string> read_finish(const Members& choice);
/// `value` is the member "error" (C14).
[[nodiscard]] ErrorObject read_error(const Json& object, const Json& value, Notes& notes);

} // namespace oa_stream::wire::completions
