// completions: the shells' scripts; and what they ask, `oa-stream __complete WORD…`.
#include "oa_stream/playbook/file.hpp"

#include "core/commands.hpp"
#include "core/context.hpp"
#include "manual/complete.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::cli {
namespace {

struct Options {
    std::string shell{};
};

/// The newest first, and no more than a person would look through.
std::vector<Candidate> runs_in(const std::filesystem::path& state_dir) {
    constexpr std::size_t k_most = 200;
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator at(state_dir / "runs", error), end;
         !error && at != end;
         at.increment(error)) {
        names.push_back(at->path().filename().string());
    }
    std::ranges::sort(names, std::greater{});
    names.resize(std::min(names.size(), k_most));
    std::vector<Candidate> out;
    for (std::string& name : names) {
        if (!name.starts_with('.')) {
            out.push_back({std::move(name)});
        }
    }
    return out;
}

std::vector<Candidate> shipped() {
    std::vector<Candidate> out;
    for (const playbook::ShippedPlaybook& one : playbook::shipped_playbooks()) {
        out.push_back({std::string(one.name), "shipped"});
    }
    return out;
}

/// --state-dir counts here as it does when the line is run.
Invocation with_state_dir(std::span<const std::string> words) {
    const std::string_view k_option = k_state_dir.name;
    Invocation out;
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        if (words[i] == k_option) {
            out.globals.given[std::string(k_option)] = {words[i + 1]};
        } else if (words[i].starts_with(fmt::format("{}=", k_option))) {
            out.globals.given[std::string(k_option)] = {words[i].substr(k_option.size() + 1)};
        }
    }
    return out;
}

Result<ExitCode> run(const Options& options, Context& context) {
    context.out(completion_script(options.shell));
    return ExitCode::ok;
}

constexpr std::array<std::string_view, 3> k_shells{"bash", "zsh", "fish"};
constexpr auto k_positionals = positionals<Options>(
    positional<&Options::shell>("SHELL", "The shell: bash, zsh or fish.").among(k_shells)
);

} // namespace

const CommandSpec completions_command = command<run>({
    .path = "completions",
    .summary = "Print the script that lets a shell complete commands, options, runs and playbooks.",
    .positionals = k_positionals,
    .examples =
        {
            "oa-stream completions bash > /usr/share/bash-completion/completions/oa-stream",
            "oa-stream completions zsh > /usr/local/share/zsh/site-functions/_oa-stream",
            "oa-stream completions fish > /usr/share/fish/vendor_completions.d/oa-stream.fish",
        },
});

std::string answer_shell(std::span<const std::string> words) {
    KnownHere here;
    here.playbooks = shipped;
    here.runs = [words] {
        const auto context = real_context(with_state_dir(words), 0, nullptr);
        return context ? runs_in(context->state_dir) : std::vector<Candidate>{};
    };
    return to_lines(complete(words, here));
}

} // namespace oa_stream::cli
