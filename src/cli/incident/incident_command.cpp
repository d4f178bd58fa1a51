// incident body, incident bundle: the issue's text, and the file to attach.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/incident/bundle.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "incident_args.hpp"
#include "screen/shown.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {
namespace {

struct BundleOptions : IncidentOptions {
    std::optional<std::filesystem::path> out{};
    incident::BundleRules rules{};
};

Result<ExitCode> body(const IncidentOptions& options, Context& context) {
    OA_TRY(Gathered found, gather(options, context));
    add_present(found.incident, context);
    const std::string text = incident::incident_body(found.incident, found.redactor);
    if (context.json) {
        Json out = plain_document(&found.incident.runs.back().entry);
        out["title"] = found.incident.title;
        out["body"] = text;
        out["bytes"] = text.size();
        out["chosen"] = found.chosen;
        print_document("incident-body", out, context);
    } else {
        context.out(text);
    }
    return ExitCode::ok;
}

constexpr auto k_out = option<&BundleOptions::out>(
    "--out", "FILE", "Write the bundle, a .tar.zst, to this file. An existing file is replaced."
);

Result<ExitCode> bundle(const BundleOptions& options, Context& context) {
    if (!options.out) {
        return fail(
            Code::usage,
            "no file was given",
            std::string(k_out.name),
            Suggestion{"incident bundle", {"last", names::out, "FILE"}}
        );
    }
    OA_TRY(const Gathered found, gather(options, context));
    OA_TRY(
        const incident::Bundle made,
        incident::write_bundle(found.incident, *options.out, found.redactor, options.rules)
    );
    if (context.json) {
        Json out = plain_document(&found.incident.runs.back().entry);
        out["bundle"] = made.file.string();
        out["sha256"] = made.digest;
        out["bytes"] = made.bytes;
        out["files"] = made.files;
        out["redacted"] = json_list(made.redacted, [](const run::Leak& leak) -> Json {
            return {{"file", leak.file}, {"line", leak.line}, {"kind", leak.kind}};
        });
        print_document("incident-bundle", out, context);
        return ExitCode::ok;
    }
    context.out(fmt::format("{}  {}\n", made.digest, made.file.string()));
    for (const run::Leak& leak : made.redacted) {
        tell_text(
            fmt::format("redacted {} line {}: {}\n", leak.file, leak.line, leak.kind), context
        );
    }
    tell_text(
        fmt::format(
            "{}, {}; check it: {}\n",
            counted(made.files, "file"),
            run::size_text(made.bytes),
            Suggestion{"incident verify", {options.out->string()}}.text()
        ),
        context
    );
    return ExitCode::ok;
}

constexpr auto k_bundle_positionals = positionals<BundleOptions>(k_run_positionals);
constexpr auto k_bundle_options = options<BundleOptions>(
    k_out,
    k_incident_options,
    flag<&BundleOptions::rules, &incident::BundleRules::redact>(
        "--redact", "Remove what the self-check finds. Without it the bundle is refused."
    ),
    flag<&BundleOptions::rules, &incident::BundleRules::accept_changed>(
        "--accept-changed", "Also include runs whose files changed after they were sealed."
    )
        .typed()
);

} // namespace

const CommandSpec incident_body_command = command<body>({
    .path = "incident body",
    .summary =
        "Print the text of an incident issue: facts, and one timeline of runs, logs and notes.",
    .positionals = k_run_positionals,
    .options = k_incident_options,
    .examples =
        {
            "oa-stream incident body",
            "oa-stream incident body --alert OaStream5xxHigh --since 6h",
            "oa-stream incident body 1a2b3c4d 5e6f7a8b --log lane.log > issue.md",
            "oa-stream incident body last --secret env:AUTH_TOKEN --json",
        },
    .reads_runs = true,
    .about =
        R"(Prints the text of an issue in Markdown: what failed and why, the rollback, one timeline of runs, logs and
notes, facts and hashes of the evidence. It fits into one issue, and lists what it left out.)",
    .also = "incident postmortem issue",
    .exits = {{ExitCode::credentials}},
});

const CommandSpec incident_bundle_command = command<bundle>({
    .path = "incident bundle",
    .summary =
        "Pack the evidence of runs into one file that can be verified anywhere, without secrets.",
    .positionals = k_bundle_positionals,
    .options = k_bundle_options,
    .examples =
        {
            "oa-stream incident bundle last --out incident.tar.zst",
            "oa-stream incident bundle 1a2b3c4d last --log lane.log --secret file:token --out "
            "i.tar.zst",
        },
    .reads_runs = true,
    .about =
        R"(Packs runs, logs, charts and the text of the issue into one file. The same runs always give the same bytes.
It searches everything for secrets first. When it finds one it refuses, unless you give `--redact`.)",
    .also = "bundle evidence",
    .exits =
        {{ExitCode::credentials},
         {ExitCode::refused, "A secret was found, or a run is not as it was sealed."}},
});

} // namespace oa_stream::cli
