// playbook list, show, validate, explain and schema: inspect a file without carrying it out.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/playbook/file.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "core/run_screen.hpp"
#include "run_args.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {
namespace {

using playbook::Loaded;
using playbook::NamedText;
using playbook::Unset;
using playbook::Variable;

Json variables_json(const std::vector<Variable>& variables) {
    return json_list(variables, [](const Variable& variable) -> Json {
        return {
            {"name", variable.name},
            {"required", !variable.fallback.has_value()},
            {"default", variable.fallback ? Json(*variable.fallback) : Json(nullptr)},
            {"help", variable.help},
        };
    });
}

Result<Loaded> load(const PlaybookChoice& choice) {
    OA_TRY(const NamedText source, playbook::find_playbook(choice.playbook));
    return playbook::load_playbook(source.text, source.file, choice.set, Unset::keep);
}

Json problems_json(const std::vector<config::Problem>& problems) {
    return json_list(problems, [](const config::Problem& problem) -> Json {
        return {
            {"file", problem.file},
            {"line", problem.at.line},
            {"column", problem.at.column},
            {"key", problem.path},
            {"message", problem.message},
            {"hint", problem.hint.text()},
            {"text", problem.text()},
        };
    });
}

ExitCode show_problems(const Loaded& loaded, Context& context) {
    if (context.json) {
        Json out = plain_answer(Verdict::fail);
        out["file"] = loaded.file;
        out["problems"] = problems_json(loaded.problems);
        print_document("playbook-problems", out, context);
    }
    for (const config::Problem& problem : loaded.problems) {
        tell_text(problem.text() + "\n", context);
    }
    tell_text(
        fmt::format(
            "FAIL {}: {} next: fix {}, then {}\n",
            loaded.file,
            counted(loaded.problems.size(), "problem"),
            loaded.problems.size() == 1 ? "it" : "them",
            Suggestion{"playbook validate", {loaded.file}}.text()
        ),
        context
    );
    return ExitCode::usage;
}

std::string still_needed(const Loaded& loaded) {
    std::string out;
    for (const std::string& name : loaded.unset) {
        out += fmt::format(" {} {}=…", names::set, name);
    }
    return out;
}

// list
// ---------------------------------------------------------------------------------------------

Result<ExitCode> list(const NoOptions&, Context& context) {
    Json rows = Json::array();
    std::string text;
    for (const playbook::ShippedPlaybook& shipped : playbook::shipped_playbooks()) {
        const Loaded loaded = playbook::load_playbook(shipped.text, shipped.name, {}, Unset::keep);
        const auto& parsed = loaded.playbook;
        if (!parsed) {
            return std::unexpected(loaded.problems.front().error());
        }
        text += fmt::format("{:<16}  {}\n", shipped.name, parsed->summary);
        rows.push_back(
            {{"name", shipped.name},
             {"kind", to_string(parsed->kind)},
             {"summary", parsed->summary},
             {"variables", variables_json(loaded.variables)}}
        );
    }
    if (context.json) {
        Json out = plain_answer();
        out["playbooks"] = std::move(rows);
        print_document("playbook-list", out, context);
    } else {
        show_text(text, context);
    }
    return ExitCode::ok;
}

// show
// ---------------------------------------------------------------------------------------------

Result<ExitCode> show(const PlaybookChoice& choice, Context& context) {
    OA_TRY(const NamedText source, playbook::find_playbook(choice.playbook));
    if (context.json) {
        Json out = plain_answer();
        out["file"] = source.file;
        out["text"] = source.text;
        print_document("playbook-show", out, context);
    } else {
        context.out(source.text);
    }
    return ExitCode::ok;
}

// validate
// -----------------------------------------------------------------------------------------

Result<ExitCode> validate(const PlaybookChoice& choice, Context& context) {
    OA_TRY(const Loaded loaded, load(choice));
    if (!loaded.playbook) {
        return show_problems(loaded, context);
    }
    if (context.json) {
        Json out = plain_answer();
        out["file"] = loaded.file;
        out["problems"] = Json::array();
        out["variables"] = variables_json(loaded.variables);
        out["unset"] = loaded.unset;
        out["not_carried_out"] = Json::array();
        print_document("playbook-validate", out, context);
        return ExitCode::ok;
    }
    if (context.quiet) {
        return ExitCode::ok;
    }
    show_text(
        fmt::format(
            "{} is a valid playbook of kind {}\n", loaded.file, to_string(loaded.playbook->kind)
        ),
        context
    );
    if (!loaded.unset.empty()) {
        show_text(fmt::format("a run needs{}\n", still_needed(loaded)), context);
    }
    return ExitCode::ok;
}

// explain
// ------------------------------------------------------------------------------------------

Result<ExitCode> explain(const PlaybookChoice& choice, Context& context) {
    OA_TRY(const Loaded loaded, load(choice));
    if (!loaded.playbook) {
        return show_problems(loaded, context);
    }
    std::string text = playbook::explain(*loaded.playbook);
    if (context.json) {
        Json out = plain_answer();
        out["file"] = loaded.file;
        out["text"] = text;
        out["playbook"] = playbook::to_json(*loaded.playbook);
        out["unset"] = loaded.unset;
        print_document("playbook-explain", out, context);
        return ExitCode::ok;
    }
    if (!loaded.unset.empty()) {
        text += fmt::format("It needs{}\n", still_needed(loaded));
    }
    show_text(text, context);
    return ExitCode::ok;
}

// schema
// -------------------------------------------------------------------------------------------

struct SchemaOptions {
    bool markdown = false;
};

constexpr auto k_page =
    flag<&SchemaOptions::markdown>("--markdown", "Print the reference page instead of the schema.");

Result<ExitCode> schema(const SchemaOptions& options, Context& context) {
    if (options.markdown) {
        OA_CHECK(refuse_json(context, k_page.name));
    }
    context.out(
        options.markdown ? playbook::playbook_page() : json_document(playbook::playbook_schema())
    );
    return ExitCode::ok;
}

constexpr auto k_playbook_positional = positionals<PlaybookChoice>(
    playbook_word("A shipped playbook's name, or a file ending in .yaml.")
);
constexpr auto k_set_options = options<PlaybookChoice>(k_set);
constexpr auto k_schema_options = options<SchemaOptions>(k_page);

} // namespace

const CommandSpec playbook_list_command = command<list>({
    .path = "playbook list",
    .summary = "List the shipped playbooks.",
    .examples = {"oa-stream playbook list"},
    .about = R"(Lists the playbooks that are part of this binary, with what each is for.)",
    .also = "playbooks",
});
const CommandSpec playbook_show_command = command<show>({
    .path = "playbook show",
    .summary = "Print the text of a playbook.",
    .positionals = k_playbook_positional,
    .examples = {"oa-stream playbook show cutover > my-cutover.yaml"},
    .about =
        R"(Prints the text of a shipped playbook. Copy it and change the copy to write your own.)",
});
const CommandSpec playbook_validate_command = command<validate>({
    .path = "playbook validate",
    .summary = "Find every mistake in a playbook, with line and column.",
    .positionals = k_playbook_positional,
    .options = k_set_options,
    .examples =
        {
            "oa-stream playbook validate my-cutover.yaml",
            "oa-stream playbook validate cutover --set bake=5m --json",
        },
    .about =
        R"(Reads a playbook and reports every mistake at once, with line, column and the nearest known key.)",
    .also = "validate",
});
const CommandSpec playbook_explain_command = command<explain>({
    .path = "playbook explain",
    .summary = "Show what a playbook will do, step by step.",
    .positionals = k_playbook_positional,
    .options = k_set_options,
    .examples =
        {
            "oa-stream playbook explain local-rehearsal",
            "oa-stream playbook explain cutover --set stable=app-00041 --set canary=app-00042",
        },
    .about =
        R"(Describes what each step of a playbook will do with the given variables. It reads only the file.)",
    .also = "explain",
});
const CommandSpec playbook_schema_command = command<schema>({
    .path = "playbook schema",
    .summary = "Print the JSON Schema of playbooks, or their reference page.",
    .options = k_schema_options,
    .examples =
        {
            "oa-stream playbook schema > playbook.schema.json",
            "oa-stream playbook schema --markdown > playbooks.md",
        },
    .about =
        R"(Prints the JSON Schema that editors check playbooks with, or the reference page of all keys.)",
});

} // namespace oa_stream::cli
