// Commands suggested to an operator: complete, so that they can be pasted.
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

/// Replaces options' values (a flag: any value) or, with nullopt, leaves the option out.
using Instead = std::map<std::string_view, std::optional<std::string>>;

/// A parsed command line, to be repeated unchanged or with changes. A suggestion that omitted a
/// limit would ask a different, weaker question.
struct Typed {
    const CommandSpec* command = nullptr;
    Args args{}; ///< options that `command` does not have are ignored, including global ones

    /// "oa-stream smoke stream --base-url …", with options in the table's order.
    [[nodiscard]] Suggestion suggestion(const Instead& instead = {}) const;
    /// The same with another value; an empty value makes a flag.
    [[nodiscard]] Suggestion with(std::string_view option, std::string_view value = {}) const {
        return suggestion({{option, std::string(value)}});
    }
    [[nodiscard]] Suggestion without(std::string_view option) const {
        return suggestion({{option, std::nullopt}});
    }
};

/// The command that lists all commands.
[[nodiscard]] Suggestion main_help();

/// The same command with --ca, when a check could not be made and the client's last failure was a
/// certificate without a known authority; otherwise empty.
[[nodiscard]] Advice
trusting(const Typed& typed, const std::vector<Check>& checks, net::TlsTrouble trouble);

/// `advice` with Context::state_words in each command that works on runs.
[[nodiscard]] Advice typed_here(const Advice& advice, const Context& context);
/// The same for every member "next" and "mend" (see put_advice()), at any depth.
void type_here(Json& document, const Context& context);

/// Breaks a line with a command into lines of at most `columns` that a shell reads as one: all but
/// the last end in a backslash. Arguments are never broken.
[[nodiscard]] std::string continued(std::string_view line, std::size_t columns);

/// The command that a run suggested, with its files' present location: the folder may have moved.
[[nodiscard]] Advice in_folder(const Advice& next, const std::filesystem::path& folder);

} // namespace oa_stream::cli
