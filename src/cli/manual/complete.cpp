#include "complete.hpp"

#include "oa_stream/base/option_names.hpp"

#include "compat/compat_scripts.hpp"
#include "core/parse.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

namespace oa_stream::cli {
namespace {

bool is_called(const OptionSpec& option, std::string_view word) {
    const std::size_t comma = option.name.find(',');
    return word == option.long_name() ||
           (comma != std::string_view::npos && word == option.name.substr(0, comma));
}

const OptionSpec* find_option(const CommandSpec* command, std::string_view word) {
    const std::string_view name = word.substr(0, word.find('='));
    const auto called = [&](const OptionSpec& option) { return is_called(option, name); };
    if (command != nullptr) {
        const auto found = std::ranges::find_if(command->options, called);
        if (found != command->options.end()) {
            return &*found;
        }
    }
    const auto found = std::ranges::find_if(global_options(), called);
    return found == global_options().end() ? nullptr : &*found;
}

std::vector<std::string_view> split(std::string_view text, char by) {
    std::vector<std::string_view> out;
    for (;;) {
        const std::size_t end = text.find(by);
        out.push_back(text.substr(0, end));
        if (end == std::string_view::npos) {
            return out;
        }
        text.remove_prefix(end + 1);
    }
}

/// What was typed, taken apart: the command as far as it is known and where the cursor stands.
struct Place {
    const CommandSpec* command = nullptr;
    std::vector<std::string_view> path{};    ///< words of the command so far
    std::set<std::string_view> given{};      ///< options, by their long names
    std::size_t positionals = 0;             ///< complete ones
    const OptionSpec* awaits_value = nullptr; ///< the word at the cursor is its value
};

bool begins(const CommandSpec& command, std::span<const std::string_view> path) {
    const auto words = split(command.path, ' ');
    return words.size() >= path.size() && std::equal(path.begin(), path.end(), words.begin());
}

const CommandSpec* exactly(std::span<const std::string_view> path) {
    const auto found = std::ranges::find_if(all_commands(), [&](const CommandSpec& command) {
        return split(command.path, ' ').size() == path.size() && begins(command, path);
    });
    return found == all_commands().end() ? nullptr : &*found;
}

void take_word(Place& place, std::string_view word) {
    if (word.starts_with('-') && word.size() > 1) {
        const OptionSpec* option = find_option(place.command, word);
        if (option == nullptr) {
            return;
        }
        place.given.insert(option->long_name());
        if (!option->is_flag() && !word.contains('=')) {
            place.awaits_value = option;
        }
        return;
    }
    auto longer = place.path;
    longer.push_back(word);
    const bool goes_on =
        place.positionals == 0 && std::ranges::any_of(all_commands(), [&](const CommandSpec& one) {
            return begins(one, longer);
        });
    if (goes_on) {
        place.path = std::move(longer);
        place.command = exactly(place.path);
    } else {
        ++place.positionals;
    }
}

Place place_of(std::span<const std::string> words) {
    Place place;
    for (const std::string& word : words) {
        if (place.awaits_value != nullptr) {
            place.awaits_value = nullptr;
            continue;
        }
        take_word(place, word);
    }
    return place;
}

class Collector {
public:
    /// `kept`: what stands before the value in the same word (--pace=).
    Collector(std::string_view typed, std::string_view kept) : typed_(typed), kept_(kept) {}

    void add(std::string_view word, std::string_view help = {}) {
        if (word.starts_with(typed_)) {
            out_.candidates.push_back({std::string(kept_) + std::string(word), std::string(help)});
        }
    }
    void add(const std::vector<Candidate>& all) {
        for (const Candidate& one : all) {
            add(one.word, one.help);
        }
    }
    void files(Completion::Files files) { out_.files = files; }
    Completion take() { return std::move(out_); }

private:
    std::string_view typed_;
    std::string_view kept_;
    Completion out_;
};

void add_scripts(Collector& out) {
    for (const RetiredScript& script : retired_scripts()) {
        out.add(script.name, script.now);
    }
}

/// What a value may be, told by its name in the table.
void add_values(
    Collector& out, const ValueRule& rule, std::string_view value, const KnownHere& here
) {
    for (const std::string_view word : rule.shown()) {
        out.add(word);
    }
    switch (rule.offer) {
    case Offer::nothing:
        break;
    case Offer::files:
        out.files(Completion::Files::files);
        break;
    case Offer::folders:
        out.files(Completion::Files::folders);
        break;
    case Offer::runs:
        out.add(here.runs());
        break;
    case Offer::playbooks:
        out.add(here.playbooks());
        out.files(Completion::Files::files);
        break;
    case Offer::scripts:
        add_scripts(out);
        break;
    }
    if (!rule.shown().empty() || rule.offer != Offer::nothing) {
        return;
    }
    constexpr std::array k_paths{"FILE", "F", "PATH", "PLAN"};
    if (value == "RUN") {
        out.add(here.runs());
    } else if (value == "PLAYBOOK") {
        out.add(here.playbooks());
        out.files(Completion::Files::files);
    } else if (value == "SCRIPT") {
        add_scripts(out);
    } else if (value == "DIR") {
        out.files(Completion::Files::folders);
    } else if (std::ranges::find(k_paths, value) != k_paths.end()) {
        out.files(Completion::Files::files);
    } else if (value.contains('|')) {
        for (const std::string_view one : split(value, '|')) {
            out.add(one);
        }
    }
}

void add_options(Collector& out, const Place& place) {
    const auto add_all = [&](std::span<const OptionSpec> options) {
        for (const OptionSpec& option : options) {
            const std::string_view name = option.long_name();
            if (option.repeats || !place.given.contains(name)) {
                out.add(name, option.help);
            }
        }
    };
    if (place.command != nullptr) {
        add_all(place.command->options);
    }
    add_all(global_options());
    out.add(names::help, "Options and examples.");
}

void add_next_words(Collector& out, const Place& place) {
    std::set<std::string_view> seen;
    for (const CommandSpec& command : all_commands()) {
        const auto words = split(command.path, ' ');
        if (words.size() <= place.path.size() || !begins(command, place.path)) {
            continue;
        }
        const std::string_view next = words[place.path.size()];
        const bool last = words.size() == place.path.size() + 1;
        if (seen.insert(next).second) {
            out.add(next, last ? command.summary : std::string_view{});
        }
    }
}

} // namespace

Completion complete(std::span<const std::string> words, const KnownHere& here) {
    if (words.empty()) {
        return {};
    }
    const std::string_view typed = words.back();
    const Place place = place_of(words.first(words.size() - 1));
    if (place.awaits_value != nullptr) {
        Collector out(typed, {});
        add_values(out, place.awaits_value->rule, place.awaits_value->value, here);
        return out.take();
    }
    if (const std::size_t equals = typed.find('=');
        typed.starts_with(names::mark) && equals != std::string_view::npos) {
        Collector out(typed.substr(equals + 1), typed.substr(0, equals + 1));
        const OptionSpec* option = find_option(place.command, typed);
        if (option != nullptr) {
            add_values(out, option->rule, option->value, here);
        }
        return out.take();
    }
    Collector out(typed, {});
    if (typed.starts_with('-')) {
        add_options(out, place);
        return out.take();
    }
    if (place.positionals == 0) {
        add_next_words(out, place);
    }
    if (place.command != nullptr && !place.command->positionals.empty()) {
        const std::size_t last = place.command->positionals.size() - 1;
        const PositionalSpec& at = place.command->positionals[std::min(place.positionals, last)];
        add_values(out, at.rule, at.name, here);
    }
    return out.take();
}

std::string to_lines(const Completion& completion) {
    std::string out;
    for (const Candidate& one : completion.candidates) {
        out += one.help.empty() ? fmt::format("{}\n", one.word)
                                : fmt::format("{}\t{}\n", one.word, one.help);
    }
    switch (completion.files) {
    case Completion::Files::none:
        break;
    case Completion::Files::files:
        out += ":files\n";
        break;
    case Completion::Files::folders:
        out += ":folders\n";
        break;
    }
    return out;
}

} // namespace oa_stream::cli
