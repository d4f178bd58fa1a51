// Where a run without a terminal leaves what it prints.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace oa_stream::run {

struct DetachedOutput {
    std::filesystem::path log;
    std::filesystem::path document; ///< with --json: what is printed on stdout

    /// `name`: the run's, or its process's until it has one.
    DetachedOutput(const std::filesystem::path& state_dir, std::string_view name)
        : log(folder(state_dir) / (std::string(name) + ".log")),
          document(folder(state_dir) / (std::string(name) + ".json")) {}

    [[nodiscard]] static std::filesystem::path folder(const std::filesystem::path& state_dir) {
        return state_dir / "detached";
    }
};

} // namespace oa_stream::run
