#include "unknown_command.hpp"

#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/text.hpp"

#include "command.hpp"
#include "parse.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

namespace oa_stream::cli {

namespace {

/// What people try instead of its name.
std::vector<std::string_view> also_words(const CommandSpec& command) {
    std::vector<std::string_view> out;
    for (std::string_view rest = command.also; !rest.empty();) {
        out.push_back(cut_until(rest, ' '));
    }
    return out;
}

/// The command that people look for by this word.
const CommandSpec* also_called(std::string_view word) {
    const auto all = all_commands();
    const auto found = std::ranges::find_if(all, [&](const CommandSpec& command) {
        const auto words = also_words(command);
        return std::ranges::find(words, word) != words.end();
    });
    return found == all.end() ? nullptr : &*found;
}

/// "'oa-stream cutover pause'": the commands whose last word this is, which people try alone.
std::string ending_in(std::string_view word) {
    std::vector<std::string> found;
    for (const CommandSpec& command : all_commands()) {
        if (command.path.ends_with(fmt::format(" {}", word))) {
            found.push_back(fmt::format("'oa-stream {}'", command.path));
        }
    }
    return fmt::format("{}", fmt::join(found, " or "));
}

/// Words that stand for commands: the last ones of their paths, and those people try instead.
std::vector<std::string_view> words_for_commands() {
    std::vector<std::string_view> out;
    for (const CommandSpec& command : all_commands()) {
        out.push_back(command.path.substr(command.path.rfind(' ') + 1));
        std::ranges::copy(also_words(command), std::back_inserter(out));
    }
    return out;
}

} // namespace

std::unexpected<Error> unknown_command(std::span<const std::string> words) {
    std::vector<std::string_view> names;
    for (const CommandSpec& command : all_commands()) {
        names.push_back(command.path);
        names.push_back(command.path.substr(0, command.path.find(' ')));
    }
    const std::string rest =
        words.size() > 1 && !words[1].starts_with('-') ? words[1] : std::string();
    std::string typed = rest.empty() ? words[0] : fmt::format("{} {}", words[0], rest);
    auto near = nearest(typed, names);
    // "cutover undo": what people try below a family may stand below another one.
    if (const CommandSpec* meant = also_called(is_family(words[0]) ? rest : words[0])) {
        near = meant->path;
    }
    std::vector<std::string_view> below; // "smoke": name what stands under it
    for (const CommandSpec& command : all_commands()) {
        if (command.path.starts_with(words[0] + ' ')) {
            below.push_back(command.path.substr(words[0].size() + 1));
        }
    }
    if (!below.empty() && (!near || !near->contains(' '))) {
        const auto message =
            typed == words[0]
                ? fmt::format("{} needs one of its commands", typed)
                : fmt::format("'{}' is not a command of {}", printable(rest, 60), words[0]);
        return fail(Code::usage, message, {}, fmt::format("{}", fmt::join(below, ", ")));
    }
    std::string ending = near ? std::string() : ending_in(words[0]);
    if (!near) {
        typed = words[0];
        near = nearest(typed, names);
    }
    if (const auto word = nearest(words[0], words_for_commands()); word && !near) {
        const CommandSpec* meant = also_called(*word);
        near = meant != nullptr ? std::optional(meant->path) : std::nullopt;
        ending = ending_in(*word);
    }
    return fail(
        Code::usage,
        fmt::format("'{}' is not a command", printable(typed, 60)),
        {},
        !ending.empty() ? fmt::format("did you mean {}?", ending)
        : near          ? fmt::format("did you mean 'oa-stream {}'?", *near)
                        : "oa-stream --help lists them"
    );
}

} // namespace oa_stream::cli
