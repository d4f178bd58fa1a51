#include "oa_stream/base/json.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "core/version.hpp"
#include "version_check.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {

namespace {

struct Options {
    std::optional<std::string> check{};
};

Result<ExitCode> run(const Options& options, Context& context) {
    std::optional<std::string> newest;
    bool old = false;
    if (options.check) {
        OA_TRY(newest, newest_release(*options.check));
        OA_TRY(const auto theirs, parse_release(*newest));
        OA_TRY(const auto ours, parse_release(version()));
        old = ours < theirs;
    }
    if (context.json) {
        Json document = plain_answer();
        document["name"] = k_name;
        document["version"] = version();
        document["commit"] = commit().empty() ? Json(nullptr) : Json(commit());
        if (newest) {
            document["newest"] = *newest;
        }
        print_document("version", document, context);
    } else {
        const std::string of = commit().empty() ? "" : fmt::format(" (commit {})", commit());
        const std::string beside = !newest ? ""
                                   : old   ? fmt::format("; {} is newer", *newest)
                                           : fmt::format("; nothing newer than {}", *newest);
        context.out(fmt::format("{} {}{}{}\n", k_name, version(), of, beside));
    }
    return old ? ExitCode::has_changes : ExitCode::ok;
}

constexpr auto k_options = options<Options>(
    parsed<http_url, &Options::check>(
        "--check",
        "URL",
        "Fetch this JSON document and compare its release with this binary. Exit 10: it is newer."
    )
        .typed()
);

} // namespace

const CommandSpec version_command = command<run>({
    .path = "version",
    .summary = "Print the version of this binary.",
    .options = k_options,
    .examples =
        {
            "oa-stream version",
            "oa-stream version --check https://example.org/oa-stream/latest.json",
        },
    .explains = true,
    .about = R"(Prints name and version of this binary, and the commit that a release was made of.

No command looks for updates unless you ask: only `--check` requests the document that you name, once. The
document is JSON with the member `version`, or `tag_name` as in GitHub's API for the latest release of a
repository. Without an answer the exit code is 4, never 0.)",
    .also = "about",
    .exits = {{ExitCode::has_changes, "A newer release is out (--check)."}},
});

std::string_view version() noexcept {
    return OA_VERSION;
}

std::string_view commit() noexcept {
    return OA_COMMIT;
}

} // namespace oa_stream::cli
