#include "unknown_command.hpp"

#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include "command.hpp"
#include "parse.hpp"
#include "suggestion.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

namespace oa_stream::cli {

namespace {

/// Words that users try instead of the command's name.
std::vector<std::string_view> also_words(const CommandSpec& command) {
    std::vector<std::string_view> out;
    for (std::string_view rest = command.also; !rest.empty();) {
        out.push_back(cut_until(rest, ' '));
    }
    return out;
}

bool is_also_called(const CommandSpec& command, std::string_view word) {
    return contains(also_words(command), word);
}

/// The command that users look for by this word.
const CommandSpec* also_called(std::string_view word) {
    return find_if_or_null(all_commands(), [&](const CommandSpec& command) {
        return is_also_called(command, word);
    });
}

/// "'oa-stream cutover pause'": the commands whose last word this is, which users try alone.
Advice ending_in(std::string_view word) {
    Advice out;
    for (const CommandSpec& command : all_commands()) {
        if (command.path.ends_with(fmt::format(" {}", word))) {
            out += (out.empty() ? "'" : " or '") + Suggestion{std::string(command.path)} + "'";
        }
    }
    return out;
}

/// Words that stand for commands: the last words of their paths, and those that users try instead.
std::vector<std::string_view> words_for_commands() {
    std::vector<std::string_view> out;
    for (const CommandSpec& command : all_commands()) {
        out.push_back(command.path.substr(command.path.rfind(' ') + 1));
        std::ranges::copy(also_words(command), std::back_inserter(out));
    }
    return out;
}

struct Tried {
    std::string_view words;
    std::string_view meant;
};
/// Combinations that users try with a family's name, where the second word has another meaning
/// alone or belongs to another family.
constexpr std::array k_tried{
    Tried{"config get", "config show"},
    Tried{"config list", "config show"},
    Tried{"cutover approve", "plan approve"},
    Tried{"cutover list", "runs list"},
    Tried{"playbook check", "playbook validate"},
    Tried{"playbook lint", "playbook validate"},
    Tried{"route delete", "route clear"},
    Tried{"route remove", "route clear"},
    Tried{"route reset", "route clear"},
    Tried{"route show", "route status"},
    Tried{"route unset", "route clear"},
    Tried{"slo show", "slo status"},
};

std::unexpected<Error> unknown_below(const std::string& family, std::string_view word) {
    const std::string typed = fmt::format("{} {}", family, word);
    const auto* tried = std::ranges::find(k_tried, typed, &Tried::words);
    std::string meant(tried == k_tried.end() ? std::string_view() : tried->meant);
    std::vector<std::string_view> below;
    for (const CommandSpec& command : all_commands()) {
        if (command.path.starts_with(family + ' ')) {
            below.push_back(command.path.substr(family.size() + 1));
        } else if (family != "cutover" || !command.path.starts_with("rollback ")) {
            continue; // but a cutover's rollback is looked for under this family
        }
        if (is_also_called(command, word)) {
            meant = command.path;
        }
    }
    if (const auto near = nearest(word, below); near && meant.empty()) {
        meant = fmt::format("{} {}", family, *near);
    }
    if (!meant.empty()) {
        return fail(
            Code::usage,
            fmt::format("'{}' is not a command", printable(typed, 60)),
            {},
            "did you mean '" + Suggestion{meant} + "'?"
        );
    }
    return fail( // for "smoke": lists the commands of that family
        Code::usage,
        word.empty() ? family + " needs one of its commands"
                     : fmt::format("'{}' is not a command of {}", printable(word, 60), family),
        {},
        fmt::format("{}", fmt::join(below, ", "))
    );
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
    if (is_family(words[0])) {
        return unknown_below(words[0], rest);
    }
    std::string typed = rest.empty() ? words[0] : fmt::format("{} {}", words[0], rest);
    auto near = nearest(typed, names);
    if (const CommandSpec* meant = also_called(words[0])) {
        near = meant->path;
    }
    Advice ending = near ? Advice() : ending_in(words[0]);
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
        !ending.empty() ? "did you mean " + ending + "?"
        : near          ? "did you mean '" + Suggestion{std::string(*near)} + "'?"
                        : main_help() + " lists them"
    );
}

} // namespace oa_stream::cli
