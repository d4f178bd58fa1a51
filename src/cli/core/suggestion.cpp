#include "suggestion.hpp"

#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/net/http_client.hpp"

#include "command.hpp"

#include <algorithm>

namespace oa_stream::cli {
namespace {

constexpr std::string_view k_program = "oa-stream";

/// `rest` begins with the words, and no other word goes on.
bool begins_with(std::string_view rest, std::string_view words) {
    return rest.starts_with(words) && (rest.size() == words.size() ||
                                       std::string_view(" :;,.)`").contains(rest[words.size()]));
}

/// What stands behind the program's name names a command that reads or leaves runs, or a family
/// with such a command.
bool works_on_runs(std::string_view rest) {
    if (rest.substr(0, rest.find(';')).ends_with(names::help)) {
        return false;
    }
    const auto runs = [](const CommandSpec& one) { return one.leaves_run || one.reads_runs; };
    const auto commands = all_commands();
    const auto named = std::ranges::find_if(commands, [&](const CommandSpec& one) {
        return begins_with(rest, one.path);
    });
    if (named != commands.end()) {
        return runs(*named);
    }
    return std::ranges::any_of(commands, [&](const CommandSpec& one) {
        return runs(one) && begins_with(rest, one.path.substr(0, one.path.find(' ')));
    });
}

/// Begins a word: not the end of a path or of another name.
bool begins_word(std::string_view text, std::size_t at) {
    return at == 0 || std::string_view(" (`'\"\n").contains(text[at - 1]);
}

/// `text` with blanks for what stands in quotes behind its first command: arguments, which may name
/// a command or an option, too. A quote of prose that has a command begins before it.
std::string without_arguments(std::string_view text) {
    std::string out(text);
    bool quoted = false;
    const std::size_t first = text.find(k_program);
    const bool prose = first == std::string::npos || (first > 0 && text[first - 1] == '\'');
    for (std::size_t at = prose ? text.size() : first; at < text.size(); ++at) {
        if (quoted && text.substr(at).starts_with(R"('\'')")) {
            at += 3; // a quote in the argument
        } else if (text[at] == '\'' && (quoted || text[at - 1] == ' ')) {
            quoted = !quoted;
        } else if (quoted) {
            out[at] = ' ';
        }
    }
    return out;
}

/// What shell_word() was given.
std::string unquoted(std::string_view word) {
    std::string out;
    bool quoted = false;
    for (std::size_t i = 0; i < word.size(); ++i) {
        if (word[i] == '\'') {
            quoted = !quoted;
        } else {
            i += !quoted && word[i] == '\\' && i + 1 < word.size() ? 1 : 0;
            out += word[i];
        }
    }
    return out;
}

void add_option(std::vector<std::string>& out, const OptionSpec& option, const Args& args) {
    const std::string name(option.long_name());
    if (option.is_flag()) {
        if (args.has(name)) {
            out.push_back(name);
        }
        return;
    }
    for (const std::string& value : args.all(name)) {
        out.insert(out.end(), {name, value});
    }
}

} // namespace

std::string Typed::text(const Instead& instead) const {
    Suggestion out{std::string(command->path)};
    for (const PositionalSpec& place : command->positionals) {
        for (const std::string& word : args.all(place.name)) {
            out.arguments.push_back(word);
        }
    }
    for (const OptionSpec& option : command->options) {
        const auto other = instead.find(option.long_name());
        if (other == instead.end()) {
            add_option(out.arguments, option, args);
        } else if (const auto& value = other->second) {
            out.arguments.emplace_back(other->first);
            if (!option.is_flag()) {
                out.arguments.push_back(*value);
            }
        }
    }
    return out.text();
}

std::string
trusting(const Typed& typed, const std::vector<Check>& checks, net::TlsTrouble trouble) {
    const bool distrusts =
        trouble == net::TlsTrouble::untrusted && contains(checks, Verdict::error, &Check::verdict);
    return distrusts ? typed.with(names::ca, "FILE") : "";
}

std::string typed_here(std::string_view text, const Context& context) {
    const std::string read = without_arguments(text);
    if (context.state_words.empty() || read.contains(names::state_dir)) {
        return std::string(text);
    }
    std::string out;
    std::size_t taken = 0;
    for (std::size_t at = read.find(k_program); at != std::string::npos;
         at = read.find(k_program, taken)) {
        const std::string_view rest = std::string_view(read).substr(at + k_program.size());
        out += text.substr(taken, at + k_program.size() - taken);
        taken = at + k_program.size();
        if (begins_word(read, at) && rest.starts_with(' ') && works_on_runs(rest.substr(1))) {
            out += context.state_words;
        }
    }
    return out + std::string(text.substr(taken));
}

void type_here(Json& document, const Context& context) {
    if (document.is_array()) {
        for (Json& one : document) {
            type_here(one, context);
        }
    }
    if (!document.is_object()) {
        return;
    }
    for (auto& [key, value] : document.items()) {
        if (value.is_string() && (key == "next" || key == "mend")) {
            value = typed_here(value.get<std::string>(), context);
        } else if (value.is_structured()) {
            type_here(value, context);
        }
    }
}

std::string_view take_word(std::string_view& text) {
    bool quoted = false;
    std::size_t end = 0;
    for (; end < text.size() && (quoted || text[end] != ' '); ++end) {
        quoted = text[end] == '\'' ? !quoted : quoted;
        end += !quoted && text[end] == '\\' ? 1 : 0;
    }
    end = std::min(end, text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return word;
}

std::string continued(std::string_view line, std::size_t columns) {
    constexpr std::string_view k_break = " \\\n    ";
    constexpr std::size_t k_indent = 4;
    constexpr std::size_t k_mark = 2; // " \"
    std::string out;
    for (std::size_t at = 0; !line.empty();) {
        const std::string_view word = take_word(line);
        const std::size_t width = columns_of(word);
        const std::size_t mark = line.empty() ? 0 : k_mark;
        if (at > k_indent && at + 1 + width + mark > columns) {
            out += k_break;
            at = k_indent;
        } else if (at > 0) {
            out += ' ';
            ++at;
        }
        out += word;
        at += width;
    }
    return out;
}

std::string in_folder(std::string_view next, const std::filesystem::path& folder) {
    const std::string mark = "/" + folder.filename().string() + "/";
    if (!next.contains(mark)) {
        return std::string(next);
    }
    std::string out;
    while (!next.empty()) {
        const std::string_view word = take_word(next);
        const std::string plain = unquoted(word);
        const std::size_t at = plain.starts_with('/') ? plain.rfind(mark) : std::string::npos;
        out += out.empty() ? "" : " ";
        out += at == std::string::npos
                   ? std::string(word)
                   : shell_word((folder / plain.substr(at + mark.size())).string());
    }
    return out;
}

} // namespace oa_stream::cli
