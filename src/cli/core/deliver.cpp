#include "deliver.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/report/formats.hpp"

#include "suggestion.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::cli {
namespace {

using Format = std::string (*)(const Json& run);

struct Asked {
    std::string_view option;
    Format format;
};
constexpr std::array k_files{
    Asked{"--junit", report::junit_xml},
    Asked{"--tap", report::tap},
};

Result<Json> run_document(const Context& context) {
    OA_TRY(const std::string text, read_file(context.evidence / "run.json"));
    return parse_json(text);
}

/// What a command that failed before it had a run would have written.
Json document_of(const Error& error, const CommandSpec& command) {
    return {
        {"id", ""},
        {"kind", command.path},
        {"verdict", "ERROR"},
        {"headline", error.text()},
        {"checks", Json::array()},
    };
}

/// GitHub reads annotations from the log, the summary from a file that it names.
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
        const std::size_t end = rest.find('\n');
        OA_CHECK(file.append(rest.substr(0, end)));
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    }
    return {};
}

bool asked_for(const Args& globals) {
    return globals.has("--github") || globals.has("--junit") || globals.has("--tap");
}

std::unexpected<Error> no_run(const CommandSpec& command) {
    return fail(
        Code::usage,
        fmt::format("{} leaves no run to tell of", command.path),
        "--junit, --tap, --github",
        "oa-stream runs list"
    );
}

} // namespace

Result<void> deliverable(const Args& globals, const CommandSpec& command) {
    return command.leaves_run || !asked_for(globals) ? Result<void>{} : no_run(command);
}

Result<void> deliver(
    const Args& globals, const Context& context, const CommandSpec& command, const Error* error
) {
    if (!asked_for(globals)) {
        return {};
    }
    if (context.evidence.empty() && error == nullptr) {
        return no_run(command); // a dry run of one that would leave one
    }
    Json run;
    if (context.evidence.empty()) {
        run = document_of(*error, command);
    } else {
        OA_TRY(run, run_document(context));
        type_here(run, context);
    }
    for (const Asked& asked : k_files) {
        if (const auto file = globals.get(asked.option)) {
            OA_CHECK(write_file_atomic(*file, asked.format(run)));
        }
    }
    return globals.has("--github") ? tell_github(run, context) : Result<void>{};
}

} // namespace oa_stream::cli
