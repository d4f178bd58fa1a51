// incident verify: is this bundle what was sealed? Offline, without unpacking it.
#include "oa_stream/base/check.hpp"
#include "oa_stream/incident/bundle.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "runs/runs_args.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {
namespace {

struct Options {
    std::string file{};
};

Json document_of(const incident::BundleVerdict& found) {
    Json out = plain_document(found.pass() ? "PASS" : "FAIL");
    for (const incident::BundleCheck& check : found.checks) {
        Check one;
        one.id = check.id;
        one.verdict = check.pass ? Verdict::pass : Verdict::fail;
        one.mode = CheckMode::replayed;
        one.detail = check.detail;
        out["checks"].push_back(to_json(one));
    }
    out["manifest"] = found.manifest;
    out["files"] = found.files;
    return out;
}

Result<ExitCode> run(const Options& options, Context& context) {
    OA_TRY(const incident::BundleVerdict found, incident::verify_bundle(options.file));
    const ExitCode exit = found.pass() ? ExitCode::ok : ExitCode::breach;
    if (context.json) {
        print_document("incident-verify", document_of(found), context);
        return exit;
    }
    if (!context.quiet || exit != ExitCode::ok) {
        for (const incident::BundleCheck& check : found.checks) {
            context.out(
                fmt::format("{:<5} {}: {}\n", check.pass ? "PASS" : "FAIL", check.id, check.detail)
            );
        }
    }
    return exit;
}

constexpr auto k_positionals =
    positionals<Options>(positional<&Options::file>("FILE", "A bundle."));

} // namespace

const CommandSpec incident_verify_command = command<run>({
    .path = "incident verify",
    .summary = "Check that a bundle is complete and unchanged.",
    .positionals = k_positionals,
    .examples =
        {
            "oa-stream incident verify incident.tar.zst",
            "oa-stream incident verify incident.tar.zst --json",
        },
    .about =
        R"(Checks the sums of a bundle, looks for added and missing files, and makes the timeline again from its runs.
It needs neither the network nor the original files.)",
});

} // namespace oa_stream::cli
