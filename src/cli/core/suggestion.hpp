// Commands that a person should run: complete, so that they can be pasted.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/base/json.hpp"

#include "command.hpp"

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::net {
enum class TlsTrouble;
}

namespace oa_stream::cli {

/// Options with another value than they were given (a flag: any value), or (nullopt) left out.
using Instead = std::map<std::string_view, std::optional<std::string>>;

/// A command line as it was understood, to be typed again or with something changed. A suggestion
/// that left a limit out would be another, weaker question.
struct Typed {
    const CommandSpec* command = nullptr;
    Args args{}; ///< options that `command` does not have are left out, global ones too

    /// "oa-stream smoke stream --base-url …", in the order of the table.
    [[nodiscard]] Suggestion suggestion(const Instead& instead = {}) const;
    /// The same with another value; a flag for an empty one.
    [[nodiscard]] Suggestion with(std::string_view option, std::string_view value = {}) const {
        return suggestion({{option, std::string(value)}});
    }
    [[nodiscard]] Suggestion without(std::string_view option) const {
        return suggestion({{option, std::nullopt}});
    }
};

/// What lists all commands.
[[nodiscard]] Suggestion main_help();

/// The same with --ca, when a check could not be made and the last failure of its client was a
/// certificate that no authority known here vouches for; else empty.
[[nodiscard]] Advice
trusting(const Typed& typed, const std::vector<Check>& checks, net::TlsTrouble trouble);

/// `advice` with Context::state_words in each command that works on runs.
[[nodiscard]] Advice typed_here(const Advice& advice, const Context& context);
/// The same for every member "next" and "mend" (see put_advice()), at any depth.
void type_here(Json& document, const Context& context);

/// A line with a command, in lines of at most `columns` that a shell takes as one: each but the
/// last ends in a backslash. No argument is broken, quoted or not.
[[nodiscard]] std::string continued(std::string_view line, std::size_t columns);

/// The command that a run was left with, its files where they are now: the folder may have moved.
[[nodiscard]] Advice in_folder(const Advice& next, const std::filesystem::path& folder);

} // namespace oa_stream::cli
