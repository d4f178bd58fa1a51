#include "core/commands.hpp"
#include "core/suggestion.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::cli;

TEST_CASE("again: all that was given stands in the suggestion, as a shell takes it") {
    Args args;
    args.given = {
        {"EXPR", {"bad: http_5xx | terminal_error <= 1%"}},
        {"--prometheus", {"http://127.0.0.1:9090"}},
        {"--window", {"20m"}},
        {"--min-n", {"5000"}},
        {"--confidence", {"99%"}},
        {"--match", {"job=\"lane\",who=\"it's\""}},
        {"--route", {"/api/chat", "/api/chats/{conversationId}/stream"}},
        {"--revision-label", {"version"}},
        {"--user", {"me"}},
        {"--ca", {"/a b/ca.pem"}},
        {"--stale-after", {"30s"}},
        {"--json", {}},
    };
    CHECK(
        Typed{&slo_gate_command, args}.with("--window", "40m").text() ==
        "oa-stream slo gate 'bad: http_5xx | terminal_error <= 1%' --prometheus "
        "http://127.0.0.1:9090 --window 40m --confidence 99% --min-n 5000 --route /api/chat "
        "--route "
        "'/api/chats/{conversationId}/stream' --user me --ca '/a b/ca.pem' --match "
        R"('job="lane",who="it'\''s"' --revision-label version --stale-after 30s)"
    );
    const std::string status = Typed{&slo_status_command, args}.without("--match").text();
    CHECK(status.starts_with("oa-stream slo status --prometheus http://127.0.0.1:9090 --window 20m")
    );
}

TEST_CASE("again: a flag has no value, and what was not given is not made up") {
    Args args;
    args.given = {{"--base-url", {"http://127.0.0.1:1"}}, {"--ndjson", {}}};
    CHECK(
        Typed{&load_command, args}.suggestion().text() ==
        "oa-stream load --base-url http://127.0.0.1:1 --ndjson"
    );
}
