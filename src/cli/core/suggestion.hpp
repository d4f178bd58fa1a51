// Commands that a person should run: complete, so that they can be pasted.
#pragma once

#include "oa_stream/base/json.hpp"

#include "command.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace oa_stream::cli {

/// A command line as it was understood, to be typed again or with something changed.
struct Typed {
    const CommandSpec* command = nullptr;
    Args args{}; ///< options that `command` does not have are left out

    /// "oa-stream smoke stream --base-url …": quoted, in the order of the table.
    [[nodiscard]] std::string text() const;
    /// The same with another value; a flag for an empty one.
    [[nodiscard]] std::string with(std::string_view option, std::string_view value = {}) const;
    [[nodiscard]] std::string without(std::string_view option) const;
};

/// `text` with Context::state_words in each command of ours that works on runs.
[[nodiscard]] std::string typed_here(std::string_view text, const Context& context);
/// The same for every member "next" and "mend", at any depth.
void type_here(Json& document, const Context& context);

/// The command that a run was left with, its files where they are now: the folder may have moved.
[[nodiscard]] std::string in_folder(std::string_view next, const std::filesystem::path& folder);

} // namespace oa_stream::cli
