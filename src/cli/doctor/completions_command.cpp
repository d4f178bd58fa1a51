// completions: prints the shells' scripts, and answers their queries, `oa-stream __complete WORD…`.
#include "oa_stream/playbook/file.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/run/runs.hpp"

#include "core/commands.hpp"
#include "core/context.hpp"
#include "core/document.hpp"
#include "core/layers.hpp"
#include "manual/complete.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::cli {
namespace {

struct Options {
    std::string shell{};
};

/// The newest first, limited to a useful number.
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
        if (!name.starts_with('.') && run::holds_run(state_dir / "runs" / name)) {
            out.push_back({std::move(name)});
        }
    }
    return out;
}

std::vector<KnownPlaybook> shipped() {
    std::vector<KnownPlaybook> out;
    for (const playbook::ShippedPlaybook& one : playbook::shipped_playbooks()) {
        if (const auto kind = playbook::stated_kind(one.text)) {
            out.push_back({std::string(one.name), *kind});
        }
    }
    return out;
}

/// Runs that moved traffic: those left undone first, then the newest.
std::vector<KnownRun> moved_in(const std::filesystem::path& state_dir) {
    std::vector<KnownRun> out;
    auto all = playbook::all_statuses(state_dir).value_or(std::vector<playbook::RunStatus>{});
    std::ranges::reverse(all);
    std::vector<KnownRun> over;
    for (const playbook::RunStatus& status : all) {
        const bool running = status.state == playbook::RunState::running;
        if (!status.facts.mutates) {
            continue; // a rehearsal's lanes ended with it
        }
        if (running || status.needs_somebody()) {
            out.push_back({status.run, running ? "under way" : status.open, status.facts.kind});
        } else if (status.moved || !status.done.empty()) {
            over.push_back({status.run, status.ending, status.facts.kind});
        }
    }
    out.insert(out.end(), over.begin(), over.end());
    return out;
}

std::vector<Candidate> variables_of(std::string_view name) {
    std::vector<Candidate> out;
    if (const auto found = playbook::find_playbook(name)) {
        const auto loaded =
            playbook::load_playbook(found->text, found->file, {}, playbook::Unset::keep);
        for (const playbook::Variable& one : loaded.variables) {
            out.push_back({fmt::format("{}=", one.name), one.help});
        }
    }
    return out;
}

/// The state directory that the completed command line will use.
std::optional<std::filesystem::path> state_dir_of(std::span<const std::string> words) {
    Invocation typed;
    for (const std::string_view option : {k_state_dir.name, k_config.name}) {
        for (std::size_t i = 0; i + 1 < words.size(); ++i) {
            if (words[i] == option) {
                typed.globals.given[std::string(option)] = {words[i + 1]};
            } else if (words[i].starts_with(fmt::format("{}=", option))) {
                typed.globals.given[std::string(option)] = {words[i].substr(option.size() + 1)};
            }
        }
    }
    if (const auto config = find_config(typed, real_environment)) { // an invalid file is ignored
        (void)apply_layers(typed, *config, real_environment);
    }
    const auto context = real_context(typed, 0, nullptr);
    return context ? std::optional(context->state_dir) : std::nullopt;
}

Result<ExitCode> run(const Options& options, Context& context) {
    if (context.json) {
        Json out = plain_answer();
        out["shell"] = options.shell;
        out["text"] = completion_script(options.shell);
        print_document("completions", out, context);
    } else {
        context.out(completion_script(options.shell));
    }
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
    .about =
        R"(Prints the script that makes a shell complete oa-stream. The script asks the binary each time, so it offers
the runs and playbooks of this machine and stays right after an upgrade.)",
    .also = "completion autocomplete tab",
});

std::string answer_shell(std::span<const std::string> words) {
    KnownHere here;
    here.playbooks = shipped;
    here.variables = variables_of;
    const auto below_state = [words](auto list) {
        return [words, list] {
            const auto state_dir = state_dir_of(words);
            return state_dir ? list(*state_dir) : decltype(list(*state_dir)){};
        };
    };
    here.runs = below_state(runs_in);
    here.traffic_runs = below_state(moved_in);
    return to_lines(complete(words, here));
}

} // namespace oa_stream::cli
