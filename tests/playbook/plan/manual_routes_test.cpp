// The commands that a person types to undo the routes of a playbook's run.
#include "engine/route_step.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::playbook;

namespace {

Plan plan_with_routes(Target target) {
    routes::RoutePlan change;
    change.found.status.mode = "rust";
    change.found.status.groups = {{"auth_entry", {"/login"}, "legacy"}};
    change.goal.domains = {{"auth_entry", "legacy"}};
    Plan out;
    out.playbook.target = std::move(target);
    out.playbook.routes = RoutesSpec{.auth = AuthRef{"env:ADMIN", true}};
    out.facts.routes = routes::route_plan_document(change);
    return out;
}

} // namespace

TEST_CASE("manual routes: the command comes in as the run did") {
    const Plan plain = plan_with_routes({.base_url = "https://c"});
    CHECK(
        manual_route_command(plain) == "oa-stream route clear --domain auth_entry --base-url "
                                       "https://c --auth env:ADMIN --apply"
    );
    const Plan strict = plan_with_routes(
        {.base_url = "https://c",
         .compat = CompatSpec{"b", "p", "7"},
         .ca = "ca.pem",
         .cert = "client.pem",
         .key = "client.key",
         .headers = {"X-Gate-Key: env:GATE_KEY"}}
    );
    CHECK(
        manual_route_command(strict) ==
        "oa-stream route clear --domain auth_entry --base-url https://c --auth env:ADMIN --ca "
        "ca.pem --cert client.pem --key client.key --compat-build b --compat-protocol p "
        "--compat-schema 7 --header 'X-Gate-Key: env:GATE_KEY' --apply"
    );
}
