#include "man_page.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/markup.hpp"
#include "oa_stream/playbook/file.hpp"

#include "core/layers.hpp"
#include "core/suggestion.hpp"
#include "exits.hpp"
#include "help.hpp"
#include "man_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::cli {
namespace {

/// Code on a page is indented by 7 columns.
constexpr std::size_t k_example_columns = 72;

struct NamedText {
    std::string_view name;
    std::string_view text;
};

constexpr std::array k_environment{
    NamedText{
        "OA_STREAM_STATE_DIR",
        "Where runs and locks are kept; $STATE_DIRECTORY (systemd) and $XDG_STATE_HOME/oa-stream "
        "come after it."
    },
    NamedText{
        "OA_STREAM_CONFIG", "The config file, where --config names none; see oa-stream-config(5)."
    },
    NamedText{"SSL_CERT_FILE", "Certificate authorities to trust (PEM), instead of the system's."},
    NamedText{
        "http_proxy, https_proxy, all_proxy",
        "Not used: a request goes straight to its target, as a measurement has to."
    },
    NamedText{"GCE_METADATA_HOST", "Where the metadata server is, for tokens of metadata:."},
    NamedText{"AUTH_TOKEN", "The lane's token of the shipped playbooks, when it asks for one."},
    NamedText{"NO_COLOR", "Set to anything: no colour, unless --color is always."},
};

constexpr NamedText k_config_file{
    "$XDG_CONFIG_HOME/oa-stream/config.yaml",
    "Gives options their values, unless --config or OA_STREAM_CONFIG names another file."
};

constexpr std::array k_files{
    k_config_file,
    NamedText{"$XDG_STATE_HOME/oa-stream/runs/", "One folder a run: verdict, evidence, report."},
    NamedText{
        "$XDG_STATE_HOME/oa-stream/locks/",
        "One lock per target. A lock whose owner died does not count."
    },
    NamedText{
        "$XDG_STATE_HOME/oa-stream/plans/",
        "One file a plan that was applied, so that none is applied twice."
    },
};

std::string page_name(std::string_view path) {
    return "oa-stream-" + page_word(path);
}

void append_item(std::string& out, std::string_view tag, std::string_view text) {
    out += fmt::format(".TP\n{}\n{}\n", tag, roff(text));
}

void append_options(std::string& out, std::span<const OptionSpec> options) {
    for (const OptionSpec& option : options) {
        if (option.old) {
            continue;
        }
        std::string tag = fmt::format("\\fB{}\\fR", roff(option.name));
        if (!option.is_flag()) {
            tag += fmt::format(" \\fI{}\\fR", roff(option.value_name()));
        }
        std::string text(option.help);
        const std::string_view usual = option.shown_default();
        text += usual.empty() ? "" : fmt::format(" Default: {}.", usual);
        text += option.repeats ? " May be given several times." : "";
        append_item(out, tag, text);
    }
}

void append_exit_codes(std::string& out, std::span<const ExitCodeRow> rows) {
    out += ".SH EXIT STATUS\n";
    for (const ExitCodeRow& row : rows) {
        append_item(out, fmt::format("\\fB{}\\fR", static_cast<int>(row.code)), row.meaning);
    }
}

void append_examples(std::string& out, const Examples& examples) {
    out += ".SH EXAMPLES\n.EX\n";
    for (const std::string_view example : examples) {
        out += roff(continued(example, k_example_columns)) + '\n';
    }
    out += ".EE\n";
}

void append_named(std::string& out, const NamedText& row) {
    append_item(out, fmt::format("\\fB{}\\fR", roff(row.name)), row.text);
}

void append_named(std::string& out, std::string_view section, std::span<const NamedText> rows) {
    out += fmt::format(".SH {}\n", section);
    for (const NamedText& row : rows) {
        append_named(out, row);
    }
}

/// The other places where its options are set, and what else it reads.
void append_environment(std::string& out, const CommandSpec& command) {
    const auto row = std::ranges::find_if(command.options, [](const OptionSpec& option) {
        return !option.typed_only && !option.old;
    });
    out += ".SH ENVIRONMENT\n";
    if (row != command.options.end()) {
        append_item(
            out,
            fmt::format("\\fB{}\\fR", roff(variable_of(command.path, row->long_name()))),
            fmt::format(
                "Sets {} where the command line does not. Every option has such a variable, except "
                "those that are consent and must be typed. A flag takes 1 or 0.",
                row->long_name()
            )
        );
    }
    append_named(out, k_environment[0]);
    append_named(out, k_environment[1]);
    append_named(out, k_environment.back());
}

void append_files(std::string& out, const CommandSpec& command) {
    out += ".SH FILES\n";
    append_named(out, k_config_file);
    if (command.leaves_run || command.reads_runs) {
        append_item(
            out,
            "\\fB$XDG_STATE_HOME/oa\\-stream/runs/\\fR",
            command.leaves_run ? "A folder of this run is made here: run.json, report.md, "
                                 "report.html, timeline.ndjson, streams and SHA256SUMS."
                               : "The runs that it reads."
        );
    }
}

bool is_about_playbooks(const CommandSpec& command) {
    return command.path.starts_with("playbook ") ||
           contains(command.positionals, "PLAYBOOK", &PositionalSpec::name);
}

/// The program's main page, the pages of the same family, and those of the files that it reads.
void append_relatives(std::string& out, const CommandSpec& command) {
    out += ".SH SEE ALSO\n.BR oa\\-stream (1)";
    const std::string_view family = command.path.substr(0, command.path.find(' '));
    for (const CommandSpec& other : all_commands()) {
        if (&other != &command && other.path != command.path &&
            other.path.substr(0, other.path.find(' ')) == family) {
            out += fmt::format(",\n.BR {} (1)", roff(page_name(other.path)));
        }
    }
    out += ",\n.BR oa\\-stream\\-config (5)";
    out += is_about_playbooks(command) ? ",\n.BR oa\\-stream\\-playbook (5)\n" : "\n";
}

std::string positional_word(const PositionalSpec& positional) {
    const std::string_view more = positional.at_most > 1 ? "..." : "";
    return positional.required ? fmt::format(" \\fI{}\\fR{}", roff(positional.name), more)
                               : fmt::format(" [\\fI{}\\fR{}]", roff(positional.name), more);
}

void append_option_rows(std::string& out, std::span<const OptionSpec> options) {
    out += "\n| option | what | default |\n|---|---|---|\n";
    for (const OptionSpec& option : options) {
        if (option.old) {
            continue;
        }
        out += fmt::format(
            "| `{}{}{}` | {}{} | {} |\n",
            option.name,
            option.is_flag() ? "" : " ",
            table_cell(option.value_name()),
            table_cell(option.help),
            option.repeats ? " Repeats." : "",
            option.fallback.empty() ? table_cell(option.usual)
                                    : fmt::format("`{}`", table_cell(option.fallback))
        );
    }
}

void append_command(std::string& out, const CommandSpec& command) {
    out += fmt::format("\n## oa-stream {}\n\n{}\n", command.path, command.summary);
    out += command.about.empty() ? "" : fmt::format("\n{}\n", command.about);
    for (const PositionalSpec& positional : command.positionals) {
        out += fmt::format(
            "\n- `{}`{}: {}\n",
            positional.name,
            positional.required ? "" : " (optional)",
            positional.help
        );
    }
    if (!command.options.empty()) {
        append_option_rows(out, command.options);
    }
    std::string exits;
    for (const ExitCodeRow& row : exits_of(command)) {
        exits += fmt::format("{}{}", exits.empty() ? "" : ", ", static_cast<int>(row.code));
    }
    out += fmt::format("\nExit codes: {}.\n", exits);
    out += "\n```sh\n";
    for (const std::string_view example : command.examples) {
        out += fmt::format("{}\n", example);
    }
    out += "```\n";
}

constexpr std::string_view k_config_intro = R"(
The file gives options of commands their values. It is the one that `--config` names, else the one in
`OA_STREAM_CONFIG`, else `$XDG_CONFIG_HOME/oa-stream/config.yaml`, else
`~/.config/oa-stream/config.yaml`.

An option takes its value from the command line, then from its environment variable, then from this
file, then from its default. The first of these that has the option wins; lists are not added up.
`oa-stream config show --for COMMAND --origin` shows each value and where it comes from. `oa-stream config schema` prints the JSON Schema of this file.

```yaml
version: 1
all: { state-dir: /srv/oa-stream }
smoke stream: { base-url: https://chat.example.org, auth: env:AUTH_TOKEN }
serve:
  listen: [127.0.0.1:8080, unix:/run/oa-stream.sock]
```

## Rules

- `version: 1` is required.
- Every other key is a command, or `all` for the options that every command takes. Its value is a
  mapping of options, written without the leading dashes.
- A flag takes `true`. An option that may be repeated takes a text or a list of texts. Every other
  option takes a text.
- An unknown key is named with line, column and the nearest known key. It is an error in `all` and in the
  command's own section. In other sections it is a warning, so that it closes no other command;
  `oa-stream config show` refuses it there, too.
- `--config /dev/null` runs a command without a config file.
- Consent and stated values are accepted on the command line only: `--apply`, `--yes` and the like.
- The environment variable of an option is `OA_STREAM_`, the command and the option in capitals, with
  `_` for spaces and dashes: `OA_STREAM_SMOKE_STREAM_BASE_URL`. The command is left out for options
  that every command takes: `OA_STREAM_STATE_DIR`. It may be left out for where a worker is:
  `OA_STREAM_WORKER_CONTROL`, `OA_STREAM_WORKER_ID`, `OA_STREAM_KHALA_URL`.

## Keys
)";

} // namespace

ManPage manual_of(const CommandSpec& command) {
    ManPage page{page_name(command.path), 1, {}};
    std::string& out = page.text;
    out += man_head(page.name, 1, command.summary);
    out +=
        fmt::format(".SH SYNOPSIS\n\\fBoa\\-stream {}\\fR [\\fIOPTION\\fR]...", roff(command.path));
    for (const PositionalSpec& positional : command.positionals) {
        out += positional_word(positional);
    }
    out += "\n" + man_from_markdown(command.about.empty() ? command.summary : command.about);
    for (const PositionalSpec& positional : command.positionals) {
        append_item(out, fmt::format("\\fI{}\\fR", roff(positional.name)), positional.help);
    }
    out += ".SH OPTIONS\n";
    append_options(out, command.options);
    append_options(out, global_options());
    append_exit_codes(out, exits_of(command));
    append_environment(out, command);
    append_files(out, command);
    append_examples(out, command.examples);
    append_relatives(out, command);
    return page;
}

ManPage manual() {
    ManPage page{"oa-stream", 1, {}};
    std::string& out = page.text;
    out += man_head(
        page.name, 1, "run, verify, cut over and roll back a chat stream compatibility lane"
    );
    out +=
        ".SH SYNOPSIS\n\\fBoa\\-stream\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR]...\n"
        ".SH DESCRIPTION\n"
        "The lane speaks the AI SDK stream and OpenAI chat completions in front of a Codex\n"
        "app\\-server; the other commands verify such a lane, move traffic to it stage by stage\n"
        "under measured limits, roll it back, and leave evidence.\n"
        "Results go to standard output, everything else to standard error, whose last line\n"
        "says verdict, run, evidence and, unless all is well, what to type next.\n"
        ".SH COMMANDS\n";
    for (const CommandGroup& group : command_groups()) {
        out += fmt::format(".SS {}\n", roff(group.title));
        for (const CommandSpec& command : group.commands) {
            append_item(out, fmt::format("\\fB{}\\fR", roff(command.path)), command.summary);
        }
    }
    out += ".SH OPTIONS\nEvery command takes:\n";
    append_options(out, global_options());
    append_exit_codes(out, k_exit_codes);
    append_named(out, "ENVIRONMENT", k_environment);
    append_named(out, "FILES", k_files);
    static constexpr Examples k_examples{
        "oa-stream cutover rehearse --local",
        "oa-stream smoke stream --base-url https://chat.example.com --auth env:AUTH_TOKEN",
    };
    append_examples(out, k_examples);
    out += ".SH SEE ALSO\n";
    for (const CommandSpec& command : all_commands()) {
        out += fmt::format(".BR {} (1),\n", roff(page_name(command.path)));
    }
    out += ".BR oa\\-stream\\-config (5),\n.BR oa\\-stream\\-playbook (5)\n";
    return page;
}

std::vector<ManPage> manuals() {
    std::vector<ManPage> out{manual()};
    for (const CommandSpec& command : all_commands()) {
        out.push_back(manual_of(command));
    }
    const auto format = [&](std::string_view name, std::string_view summary, std::string_view page
                        ) {
        out.push_back(
            {std::string(name),
             5,
             man_head(name, 5, summary) + man_from_markdown(page) +
                 ".SH SEE ALSO\n.BR oa\\-stream (1)\n"}
        );
    };
    format("oa-stream-config", "the config file of oa-stream", config_page());
    format("oa-stream-playbook", "playbooks of oa-stream", playbook::playbook_page());
    return out;
}

std::string config_page() {
    std::string out(k_config_intro);
    const auto append = [&](std::string_view section, std::span<const OptionSpec> options) {
        std::string rows;
        for (const OptionSpec& option : options) {
            const std::string_view name = option.long_name();
            if (!option.typed_only && !option.old) {
                rows += fmt::format(
                    "| `{}` | {} | {} |\n",
                    name.substr(2),
                    table_cell(option.value_name()),
                    table_cell(option.help)
                );
            }
        }
        if (!rows.empty()) {
            out += fmt::format(
                "\n### {}\n\n| key | value | meaning |\n|---|---|---|\n{}", section, rows
            );
        }
    };
    append("all", global_options());
    for (const CommandSpec& command : all_commands()) {
        append(command.path, command.options);
    }
    return out;
}

std::string commands_page() {
    std::string out = "# Commands\n\n"
                      "Made by `oa-stream man --markdown` from the table that parses them.\n\n"
                      "| command | what |\n|---|---|\n";
    for (const CommandGroup& group : command_groups()) {
        out += fmt::format("| **{}** | {} |\n", group.title, group.purpose);
        for (const CommandSpec& command : group.commands) {
            out += fmt::format("| `{}` | {} |\n", command.path, table_cell(command.summary));
        }
    }
    out += "\nEvery command takes:\n";
    append_option_rows(out, global_options());
    out += "\n| exit code | meaning |\n|---|---|\n";
    for (const ExitCodeRow& row : k_exit_codes) {
        out += fmt::format("| {} | {} |\n", static_cast<int>(row.code), row.meaning);
    }
    for (const CommandSpec& command : all_commands()) {
        append_command(out, command);
    }
    return out;
}

} // namespace oa_stream::cli
