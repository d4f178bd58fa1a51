#include "codex/process/stderr_origin.hpp"

#include <catch2/catch.hpp>

#include <vector>

using namespace oa_stream;

TEST_CASE("stderr of codex: where a line comes from may be told, what it says may not") {
    struct Row {
        std::string_view line, transcript;
    };
    const std::vector<Row> rows{
        {"2026-11-20T07:16:05.398381Z ERROR codex_app_server: cannot answer 'the prompt'",
         "2026-11-20T07:16:05.398381Z ERROR codex_app_server (78 bytes)"},
        {"2026-11-20T07:16:05.398381Z  WARN codex_core::client: the prompt",
         "2026-11-20T07:16:05.398381Z WARN codex_core::client (64 bytes)"},
        {"the prompt: a second line of it", "31 bytes"},
        {"2026-11-20T07:16:05.398381Z ERROR the prompt: x", "47 bytes"},
        {"2026-11-20T07:16:05.398381Z SAYS codex_core: the prompt", "55 bytes"},
        {"", "0 bytes"},
    };
    for (const auto& row : rows) {
        CHECK(authority::stderr_origin(row.line) == row.transcript);
    }
}
