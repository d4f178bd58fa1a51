// What the folder of a route run holds of the way to the control service, and what its undo makes
// of it.
#include "oa_stream/routes/route_access.hpp"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace oa_stream;
using namespace oa_stream::routes;

namespace {

RouteAccess strict_door() {
    return {
        .auth = "env:TOKEN",
        .ca = "/tls/ca.pem",
        .cert = "/tls/client.pem",
        .key = "/tls/client.key",
        .headers = {"X-Gate-Key: env:GATE_KEY", "X-Team: chat"},
        .build = "20260401T000000Z",
    };
}

RouteAccess kept(RouteAccess access) {
    return kept_access(std::move(access), Redactor());
}

} // namespace

TEST_CASE("route access: paths, references and open values come back from run.json") {
    const RouteAccess access = kept(strict_door());
    CHECK(access == strict_door());
    const Json document{{"target", to_json(access)}};
    CHECK(document["target"]["headers"]["X-Gate-Key"] == "env:GATE_KEY");
    CHECK(read_route_access(document) == access);
    CHECK(lost_headers(access).empty());
    CHECK(route_restore("R", access, access).text() == "oa-stream route restore R --apply");
}

TEST_CASE("route access: a path holds in every directory") {
    const RouteAccess access = kept({.auth = "env:T", .ca = "tls/ca.pem", .cert = "c.pem"});
    CHECK(access.ca == (std::filesystem::current_path() / "tls/ca.pem").string());
    CHECK(access.cert == (std::filesystem::current_path() / "c.pem").string());
    CHECK(access.key.empty());
    const RouteAccess secrets = kept(
        {.auth = "file:token", .headers = {"X-Gate-Key: file:keys/gate", "X-Team: file", "Cookie"}}
    );
    const std::string here = std::filesystem::current_path().string();
    CHECK(secrets.auth == "file:" + here + "/token");
    CHECK(
        secrets.headers ==
        std::vector<std::string>{
            "X-Gate-Key: file:" + here + "/keys/gate", "X-Team: file", "Cookie"
        }
    );
}

TEST_CASE("route access: no secret in the open is kept, and no descriptor; the command asks again"
) {
    Redactor redactor;
    redactor.add_known(Secret("planted-value-1234"));
    const RouteAccess access = kept_access(
        {.auth = "fd:3",
         .headers =
             {"X-Api-Key: abc",
              "X-Gate: planted-value-1234",
              "Authorization: fd:4",
              "Cookie: file:/run/cookie",
              "X-Team: chat"}},
        redactor
    );
    CHECK(access.auth.empty());
    CHECK(
        access.headers ==
        std::vector<std::string>{
            "X-Api-Key", "X-Gate", "Authorization", "Cookie: file:/run/cookie", "X-Team: chat"
        }
    );
    const std::string text = json_document({{"target", to_json(access)}});
    CHECK(redactor.apply(text) == text);
    CHECK(read_route_access(parse_json(text).value()) == access);
    CHECK(lost_headers(access) == std::vector<std::string>{"X-Api-Key", "X-Gate", "Authorization"});
    CHECK(
        route_restore("R", access, access).text() ==
        "oa-stream route restore R --apply --auth REF --header 'X-Api-Key: REF' --header 'X-Gate: "
        "REF' --header 'Authorization: REF'"
    );
}

TEST_CASE("route access: what an undo is given wins, the rest is the run's") {
    CHECK(completed({}, strict_door()) == strict_door());
    const RouteAccess access = completed(
        {.auth = "file:/t", .ca = "/new.pem", .headers = {"x-gate-key: env:NEW"}}, strict_door()
    );
    CHECK(access.auth == "file:/t");
    CHECK(access.ca == "/new.pem");
    CHECK(access.cert == "/tls/client.pem");
    CHECK(access.key == "/tls/client.key");
    CHECK(access.headers == std::vector<std::string>{"X-Team: chat", "x-gate-key: env:NEW"});
    CHECK(access.build == "20260401T000000Z");
    CHECK(
        route_restore("R", access, strict_door()).text() ==
        "oa-stream route restore R --apply --auth file:/t --ca /new.pem --header 'x-gate-key: "
        "env:NEW'"
    );
    CHECK(lost_headers(completed({.headers = {"X-Key: env:K"}}, {.headers = {"X-Key"}})).empty());
}

TEST_CASE("route access: another certificate does not take the run's key") {
    const RouteAccess both = completed({.cert = "/both.pem"}, strict_door());
    CHECK(both.key == "/both.pem");
    const RouteAccess moved = completed({.key = "/moved.key"}, strict_door());
    CHECK(moved.cert == "/tls/client.pem");
    CHECK(moved.key == "/moved.key");
}

TEST_CASE("route access: runs of earlier releases, and a run.json that cannot be read") {
    CHECK(
        read_route_access({{"target", {{"control_url", "http://c"}, {"auth", "env:T"}}}}) ==
        RouteAccess{.auth = "env:T"}
    );
    for (const Json& document :
         {Json(), Json::object(), Json{{"target", 1}}, Json{{"target", {{"headers", {1}}}}}}) {
        CHECK(read_route_access(document) == RouteAccess{});
    }
}
