// incident body, incident bundle: what goes into the issue, and the file that goes with it.
#include "oa_stream/incident/bundle.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "incident_args.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::cli {
namespace {

Result<ExitCode> body(const Args& args, Context& context) {
    OA_TRY(Gathered found, gather(args, context));
    add_present(found.incident, context);
    const std::string text = incident::incident_body(found.incident, found.redactor);
    if (context.json) {
        Json out = plain_document("PASS", &found.incident.runs.back().entry);
        out["title"] = found.incident.title;
        out["body"] = text;
        out["bytes"] = text.size();
        print_document("incident-body", out, context);
    } else {
        context.out(text);
    }
    return ExitCode::ok;
}

Json leaks_json(const std::vector<run::Leak>& leaks) {
    Json out = Json::array();
    for (const run::Leak& leak : leaks) {
        out.push_back({{"file", leak.file}, {"line", leak.line}, {"kind", leak.kind}});
    }
    return out;
}

Result<ExitCode> bundle(const Args& args, Context& context) {
    const auto file = args.get("--out");
    if (!file) {
        return fail(
            Code::usage, "into which file?", "--out", "oa-stream incident bundle last --out F"
        );
    }
    OA_TRY(const Gathered found, gather(args, context));
    const incident::BundleRules rules{args.has("--redact"), args.has("--accept-changed")};
    OA_TRY(
        const incident::Bundle made,
        incident::write_bundle(found.incident, *file, found.redactor, rules)
    );
    if (context.json) {
        Json out = plain_document("PASS", &found.incident.runs.back().entry);
        out["bundle"] = made.file.string();
        out["sha256"] = made.digest;
        out["bytes"] = made.bytes;
        out["files"] = made.files;
        out["redacted"] = leaks_json(made.redacted);
        print_document("incident-bundle", out, context);
        return ExitCode::ok;
    }
    context.out(fmt::format("{}  {}\n", made.digest, made.file.string()));
    for (const run::Leak& leak : made.redacted) {
        context.err(fmt::format("redacted {} line {}: {}\n", leak.file, leak.line, leak.kind));
    }
    context.err(fmt::format(
        "{} files, {}; check it anywhere: oa-stream incident verify {}\n",
        made.files,
        run::size_text(made.bytes),
        made.file.filename().string()
    ));
    return ExitCode::ok;
}

constexpr std::array k_body_options{k_log_option, k_title_option, k_secret_option};
constexpr std::array<std::string_view, 3> k_body_examples{
    "oa-stream incident body last",
    "oa-stream incident body 1a2b3c4d 5e6f7a8b --log lane.log > issue.md",
    "oa-stream incident body last --secret env:AUTH_TOKEN --json",
};
constexpr std::array k_bundle_options{
    OptionSpec{"--out", "FILE", "The bundle, a .tar.zst; replaced if it is there."},
    k_log_option,
    k_title_option,
    k_secret_option,
    OptionSpec{"--redact", "", "Take out what the self-check finds, instead of refusing."},
    OptionSpec{"--accept-changed", "", "Also take runs whose files are not as they were sealed."},
};
constexpr std::array<std::string_view, 2> k_bundle_examples{
    "oa-stream incident bundle last --out incident.tar.zst",
    "oa-stream incident bundle 1a2b3c4d last --log lane.log --secret file:token --out i.tar.zst",
};

} // namespace

const CommandSpec incident_body_command{
    .path = "incident body",
    .summary = "The text of an incident issue: one timeline of runs, logs and notes, with facts.",
    .positionals = k_run_positionals,
    .options = k_body_options,
    .examples = k_body_examples,
    .run = body,
};

const CommandSpec incident_bundle_command{
    .path = "incident bundle",
    .summary = "All evidence of some runs as one file that verifies anywhere; no secret leaves.",
    .positionals = k_run_positionals,
    .options = k_bundle_options,
    .examples = k_bundle_examples,
    .run = bundle,
};

} // namespace oa_stream::cli
