// A state directory of a test's own, with runs in it.
#pragma once

#include "oa_stream/run/run_folder.hpp"

#include "temp_folder.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <string>

namespace oa_stream::run {

struct Scratch : test::TempFolder {
    /// A run that is open as long as the value lives.
    [[nodiscard]] RunFolder open(RunKind kind = RunKind::rehearsal) const {
        auto run = RunFolder::create(path, {.kind = kind, .name = "test"}, {});
        REQUIRE(run.has_value());
        return *std::move(run);
    }
    /// A run that ended.
    [[nodiscard]] std::filesystem::path
    ended(const Json& result = {{"verdict", "PASS"}, {"exit_code", 0}}) const {
        RunFolder run = open();
        run.write("report.md", "a report\n");
        REQUIRE(run.finish(result).has_value());
        return run.path();
    }
    /// A folder as an old run left it: sealed, begun at `stamp` ("20260222T043600Z").
    [[nodiscard]] std::filesystem::path
    old(const std::string& stamp, std::size_t bytes = 10) const {
        const auto folder = path / "runs" / (stamp + "-rehearsal-0a1b2c3d");
        std::filesystem::create_directories(folder);
        REQUIRE(write_file_atomic(folder / "filler", std::string(bytes, 'x')).has_value());
        REQUIRE(write_file_atomic(folder / "SHA256SUMS", "").has_value());
        return folder;
    }
};

} // namespace oa_stream::run
