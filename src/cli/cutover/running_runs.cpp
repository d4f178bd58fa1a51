#include "running_runs.hpp"

#include "oa_stream/base/option_names.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/run/run_facts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

namespace oa_stream::cli {

Result<std::filesystem::path> only_running(const std::filesystem::path& state_dir) {
    OA_TRY(const auto all, playbook::all_statuses(state_dir));
    std::vector<std::string> names;
    std::filesystem::path folder;
    for (const playbook::RunStatus& one : all) {
        if (one.state == playbook::RunState::running) {
            names.push_back(one.run);
            folder = one.folder;
        }
    }
    if (names.size() == 1) {
        return folder;
    }
    return fail(
        Code::usage,
        names.empty()
            ? "no run is under way"
            : fmt::format("{} runs are under way: {}", names.size(), fmt::join(names, ", ")),
        names.empty() ? (state_dir / "runs").string() : std::string(names::run),
        names.empty() ? "oa-stream runs list" : "name one"
    );
}

} // namespace oa_stream::cli
