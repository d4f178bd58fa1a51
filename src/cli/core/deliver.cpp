#include "deliver.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/redact.hpp"
#include "oa_stream/report/formats.hpp"
#include "oa_stream/run/files.hpp"
#include "oa_stream/run/kept_file.hpp"

#include "open_report.hpp"
#include "suggestion.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::cli {
namespace {

using Format = std::string (*)(const Json& run);

struct Output {
    std::string_view option;
    std::optional<std::filesystem::path> GlobalOptions::* file;
    Format format;
};
constexpr std::array k_outputs{
    Output{k_junit.name, &GlobalOptions::junit, report::junit_xml},
    Output{k_tap.name, &GlobalOptions::tap, report::tap},
};

/// The document of a command that failed before it had a run.
Json document_of(const Error& error, const CommandSpec& command) {
    return {
        {"id", ""},
        {"kind", command.path},
        {"verdict", to_string(Verdict::error)},
        {"headline", said_aloud(error)},
        {"checks", Json::array()},
    };
}

/// GitHub reads annotations from the log and the summary from a file that it names.
Result<void> tell_github(const Json& run, const Context& context) {
    context.err(report::github_annotations(run));
    const auto summary = context.env("GITHUB_STEP_SUMMARY");
    if (!summary) {
        return {};
    }
    OA_TRY(auto file, LineAppender::open(*summary, LineAppender::Durability::buffered));
    const std::string text = report::github_summary(run);
    std::string_view rest = text;
    while (!rest.empty()) {
        OA_CHECK(file.append(cut_line(rest)));
    }
    return {};
}

std::unexpected<Error> no_run(const CommandSpec& command) {
    return fail(
        Code::usage,
        fmt::format("{} leaves no run to report", command.path),
        fmt::format("{}, {}, {}, {}", k_junit.name, k_tap.name, k_github.name, k_open.name),
        Suggestion{"runs list"}
    );
}

} // namespace

std::string said_aloud(const Error& error) {
    Redactor redactor;
    redactor.add_environment();
    const auto text = parse_json(dump_json(Json(redactor.apply(error.text()))));
    return text ? text->get<std::string>() : std::string{};
}

Result<void> check_place(std::string_view option, const std::filesystem::path& file) {
    std::error_code error;
    const auto kind = std::filesystem::status(file, error).type();
    const auto folder = std::filesystem::absolute(file, error).parent_path();
    const bool there = std::filesystem::is_directory(folder, error);
    if (there && kind != std::filesystem::file_type::directory) {
        return {};
    }
    return fail(
        Code::usage,
        there ? "it is a folder" : "its folder is not there",
        fmt::format("{}: {}", option, file.string()),
        "name a file in a folder that is there"
    );
}

Result<void> deliverable(const Context& context, const CommandSpec& command) {
    const bool shows_run = command.leaves_run || command.reads_runs;
    if (context.globals.open && !shows_run) {
        return no_run(command);
    }
    if (context.globals.delivers() && !command.leaves_run) {
        return no_run(command);
    }
    for (const Output& output : k_outputs) {
        if (const auto& file = context.globals.*output.file) {
            OA_CHECK(check_place(output.option, *file));
        }
    }
    return {};
}

Result<void> deliver(const Context& context, const CommandSpec& command, const Error* error) {
    const GlobalOptions& globals = context.globals;
    if (globals.open) {
        open_report(context);
    }
    if (!globals.delivers()) {
        return {};
    }
    if (context.evidence.empty() && error == nullptr) {
        return no_run(command); // a dry run of a command that otherwise leaves a run
    }
    Json run;
    if (context.evidence.empty()) {
        run = document_of(*error, command);
    } else {
        OA_TRY(run, run::kept_json(context.evidence / run::k_document_file));
        type_here(run, context);
    }
    for (const Output& output : k_outputs) {
        if (const auto& file = globals.*output.file) {
            OA_CHECK(prefixed(write_file_atomic(*file, output.format(run)), output.option));
        }
    }
    return globals.github ? tell_github(run, context) : Result<void>{};
}

} // namespace oa_stream::cli
