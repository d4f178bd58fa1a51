// The codex authority on top of the scripted child (fake_codex.cpp).
#pragma once

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/lines.hpp"

#include "codex_stage.hpp"

#include <algorithm>
#include <cstdlib>

namespace oa_test {

inline constexpr const char* k_fake_config = R"(model_provider = "fake"
approval_policy = "never"
sandbox_mode = "read-only"
)";

/// Sets FAKE_MODE for the child only as long as it lives.
struct Mode {
    explicit Mode(const char* mode) { ::setenv("FAKE_MODE", mode, 1); }
    Mode(const Mode&) = delete;
    Mode& operator=(const Mode&) = delete;
    ~Mode() { ::unsetenv("FAKE_MODE"); }
};

struct FakeStage : CodexStage {
    FakeStage() {
        must(write_file_atomic(folder.path / "config.toml", k_fake_config));
        options.program = OA_FAKE_CODEX;
        options.config_file = folder.path / "config.toml";
        options.env_allow = {"FAKE_MODE"};
        options.deadlines.backoff_first = Millis(10);
    }
    FakeStage(const FakeStage&) = delete;
    FakeStage& operator=(const FakeStage&) = delete;
    ~FakeStage() {
        if (authority) {
            run(io, authority->close(Millis(2'000)));
        }
    }

    /// How many lines the child received with this method, or any other text in them.
    std::size_t received(std::string_view method, std::string_view text = {}) {
        const auto log_text = read_file(folder.path / "state/codex/home/received.jsonl");
        std::size_t count = 0;
        std::string_view rest = log_text ? std::string_view(*log_text) : std::string_view{};
        while (!rest.empty()) {
            const auto line = cut_line(rest);
            count += line.contains(fmt::format("\"method\":\"{}\"", method)) && line.contains(text);
        }
        return count;
    }
    /// Runs the loop until `done`, or fails.
    template <class Done> void until(Done done) {
        const auto deadline = Clock::now() + Millis(15'000);
        while (!done()) {
            REQUIRE(Clock::now() < deadline);
            io.restart();
            io.run_one_for(Millis(20));
        }
    }
    double reading(std::string_view name) {
        for (const Reading& one : authority->readings()) {
            if (one.name == name) {
                return one.value;
            }
        }
        FAIL("no reading " << name);
        return 0;
    }
};

} // namespace oa_test
