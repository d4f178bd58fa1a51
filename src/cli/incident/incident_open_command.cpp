// incident open: shows the issue, and passes it to gh with --yes.
#include "oa_stream/base/child.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "core/run_screen.hpp"
#include "incident_args.hpp"
#include "screen/shown.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {
namespace {

namespace fs = std::filesystem;

struct Options : IncidentOptions {
    bool yes = false;
    std::string repo{};
};

constexpr auto k_yes =
    flag<&Options::yes>("--yes", "Open the issue with gh. Without it the issue is only shown.")
        .typed();
constexpr auto k_repo = option<&Options::repo>(
    "--repo",
    "OWNER/NAME",
    "Open it in this repository. Without it gh uses that of the current folder."
);

struct Issue {
    std::string title;
    fs::path body; ///< file
    std::string repo;
};

std::vector<std::string> gh_words(const Issue& issue) {
    std::vector<std::string> out{
        "gh",
        "issue",
        "create",
        foreign_option("--title"),
        issue.title,
        foreign_option("--body-file"),
        issue.body.string()
    };
    if (!issue.repo.empty()) {
        out.insert(out.end(), {foreign_option("--repo"), issue.repo});
    }
    return out;
}

Result<ProgramEnd> open_with_gh(const Issue& issue, Context& context) {
    constexpr auto k_patience = Millis(60'000);
    ProgramCall call{
        .argv = gh_words(issue),
        .env = inherited_env(
            {"PATH",
             "HOME",
             "XDG_CONFIG_HOME",
             "GH_CONFIG_DIR",
             "GH_TOKEN",
             "GITHUB_TOKEN",
             "GH_ENTERPRISE_TOKEN",
             "GITHUB_ENTERPRISE_TOKEN",
             "GH_HOST",
             "GH_REPO",
             "HTTPS_PROXY",
             "https_proxy",
             "NO_PROXY",
             "no_proxy"}
        ),
        .input = {},
        .limit = k_patience,
    };
    const auto make = [&](const asio::any_io_executor& executor) {
        return call_program(executor, std::move(call));
    };
    Screen screen(context);
    run::StopRequest stop;
    const SignalWords words{.first = "leaving; gh may have opened the issue", .at_once = true};
    return run_to_end<ProgramEnd>(make, stop, screen, words);
}

Result<Issue> write_issue(const Options& options, const Context& context, const Gathered& found) {
    Issue out;
    out.title = found.incident.title;
    out.repo = options.repo;
    out.body = context.state_dir / "incidents" / (found.incident.id + ".md");
    OA_CHECK(make_dirs(out.body.parent_path()));
    constexpr unsigned k_mine = 0600;
    OA_CHECK(
        write_file_atomic(out.body, incident::incident_body(found.incident, found.redactor), k_mine)
    );
    return out;
}

void show(const Issue& issue, std::string_view url, Context& context, const Gathered& found) {
    if (context.json) {
        Json out = plain_document(&found.incident.runs.back().entry);
        out["title"] = issue.title;
        out["body_file"] = issue.body.string();
        out["opened"] = url.empty() ? Json(nullptr) : Json(url);
        print_document("incident-open", out, context);
    } else if (!url.empty()) {
        context.out(fmt::format("{}\n", url));
    }
}

Result<ExitCode> run(const Options& options, Context& context) {
    OA_TRY(Gathered found, gather(options, context));
    add_present(found.incident, context);
    OA_TRY(const Issue issue, write_issue(options, context, found));
    OA_TRY(const std::string text, read_file(issue.body));
    if (!context.json) {
        context.out(fmt::format("title: {}\n\n{}\n", issue.title, text));
    }
    const bool there = !find_program("gh").empty();
    if (!options.yes) {
        show(issue, "", context, found);
        std::vector<std::string> mine;
        if (!options.repo.empty()) {
            mine = {std::string(k_repo.name), options.repo};
        }
        mine.emplace_back(k_yes.name);
        const std::string how =
            there ? "Read it, then: " +
                        typed_here(
                            typed_next("incident open", found.incident, options, context, mine),
                            context
                        )
                            .text()
                  : "gh is not on PATH: paste " + issue.body.string() + " into a new issue";
        tell_text(
            fmt::format(
                "nothing was sent. {}\nand the bundle to attach: {} --out incident.tar.zst\n",
                how,
                found.incident.bundle_command
            ),
            context
        );
        return ExitCode::ok;
    }
    if (!there) {
        return fail(
            Code::unavailable,
            "gh is not on PATH",
            {},
            "paste " + issue.body.string() + " into a new issue"
        );
    }
    const auto end = open_with_gh(issue, context);
    if (!end || !end->exit.clean()) {
        const std::string why =
            end ? fmt::format("{}: {}", end->exit.text(), end->last_line) : end.error().message;
        return fail(
            Code::unavailable,
            "gh: " + found.redactor.apply(why),
            {},
            "gh auth status, or paste " + issue.body.string() + " into a new issue"
        );
    }
    show(issue, trim(end->output), context, found);
    return ExitCode::ok;
}

constexpr auto k_positionals = positionals<Options>(k_run_positionals);
constexpr auto k_options = options<Options>(k_yes, k_repo, k_incident_options);

} // namespace

const CommandSpec incident_open_command = command<run>({
    .path = "incident open",
    .summary = "Show the incident issue and, with --yes, open it with gh.",
    .positionals = k_positionals,
    .options = k_options,
    .examples =
        {
            "oa-stream incident open last",
            "oa-stream incident open last --repo example/chat --yes",
        },
    .reads_runs = true,
    .about =
        R"(Shows the issue that would be opened and, with `--yes`, opens it with the GitHub client `gh`.)",
    .exits = {{ExitCode::credentials}, {ExitCode::interrupted}, {ExitCode::terminated}},
});

} // namespace oa_stream::cli
