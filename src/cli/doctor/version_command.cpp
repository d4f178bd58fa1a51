#include "oa_stream/base/json.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "core/version.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {

namespace {

Result<ExitCode> run(const NoOptions&, Context& context) {
    if (context.json) {
        Json document = plain_answer();
        document["name"] = k_name;
        document["version"] = version();
        document["commit"] = commit().empty() ? Json(nullptr) : Json(commit());
        print_document("version", document, context);
    } else {
        const std::string of = commit().empty() ? "" : fmt::format(" (commit {})", commit());
        context.out(fmt::format("{} {}{}\n", k_name, version(), of));
    }
    return ExitCode::ok;
}

} // namespace

const CommandSpec version_command = command<run>({
    .path = "version",
    .summary = "Print the version of this binary.",
    .examples = {"oa-stream version"},
    .about = R"(Prints name and version of this binary.)",
    .also = "about",
});

std::string_view version() noexcept {
    return OA_VERSION;
}

std::string_view commit() noexcept {
    return OA_COMMIT;
}

} // namespace oa_stream::cli
