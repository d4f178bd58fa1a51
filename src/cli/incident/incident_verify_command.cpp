// incident verify: checks offline, without unpacking, that a bundle is unchanged since it was
// sealed.
#include "oa_stream/base/check.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/incident/bundle.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "screen/shown.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {
namespace {

struct Options {
    std::string file{};
};

Json document_of(const incident::BundleVerdict& found) {
    Json out = plain_answer(found.verdict(), found.checks);
    out["manifest"] = found.manifest;
    out["files"] = found.files;
    return out;
}

Result<ExitCode> run(const Options& options, Context& context) {
    OA_TRY(const incident::BundleVerdict found, incident::verify_bundle(options.file));
    const ExitCode exit = found.verdict() == Verdict::pass ? ExitCode::ok : ExitCode::breach;
    if (context.json) {
        print_document("incident-verify", document_of(found), context);
        return exit;
    }
    if (!context.quiet || exit != ExitCode::ok) {
        const std::string headline = fmt::format(
            "{} {}: {}\n",
            to_string(found.verdict()),
            printable(options.file),
            exit == ExitCode::ok ? "complete and unchanged" : "not as it was sealed"
        );
        show_text(headline + check_rows(found.checks), context);
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
        R"(Checks the sums of a bundle and of each run in it, and looks for added and missing files and seals.
It needs neither the network nor the original files.)",
    .exits = {{ExitCode::breach, "The bundle is not complete or not unchanged."}},
});

} // namespace oa_stream::cli
