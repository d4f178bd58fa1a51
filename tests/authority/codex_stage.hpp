// A codex authority, and the folder, the loop and the log of its test.
#pragma once

#include "oa_stream/authority/codex.hpp"

#include "harness.hpp"

namespace oa_test {

struct CodexStage {
    CodexStage() {
        options.state_dir = folder.path / "state";
        options.log = [this](LogLevel, std::string_view line) { log += std::string(line) + "\n"; };
    }
    CodexStage(const CodexStage&) = delete;
    CodexStage& operator=(const CodexStage&) = delete;

    Result<void> open() {
        authority = make_codex_authority(io.get_executor(), options);
        return run(io, authority->open());
    }
    CodexStage& opened() {
        must(open());
        return *this;
    }
    Result<std::unique_ptr<Turn>> start(TurnRequest request) {
        return run(io, authority->start(std::move(request)));
    }
    Transcript play(TurnRequest request) {
        last = must(start(std::move(request)));
        return run(io, drain(last.get()));
    }

    Folder folder{};
    asio::io_context io{};
    CodexOptions options{};
    std::string log{};
    std::unique_ptr<Authority> authority{};
    std::unique_ptr<Turn> last{};
};

} // namespace oa_test
