// What the driver sends, and how it reads what it gets.
#include "cloud_run_rig.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace oa_stream;
using namespace oa_stream::traffic;
using namespace oa_stream::traffic::testing;

namespace {

struct Bench : CloudRunRig {
    std::unique_ptr<TrafficDriver> driven = driver();

    TrafficState read() { return state_of(*driven); }
    const Seen& last_write() {
        const auto found =
            std::ranges::find(fake.seen.rbegin(), fake.seen.rend(), "patch", &Seen::what);
        REQUIRE(found != fake.seen.rend());
        return *found;
    }
    void shift(int canary) {
        const auto written = get(driven->set(split(canary), read().etag));
        INFO((written ? "" : written.error().text()));
        REQUIRE(written.has_value());
        REQUIRE(get(driven->verify(split(canary), Millis(2000))).has_value());
    }
    void check_careful() const { CHECK(fake.model.violations().empty()); }
};

Json with_share(Json out, int percent, std::string_view tag) {
    if (percent != 0) {
        out["percent"] = percent;
    }
    if (!tag.empty()) {
        out["tag"] = tag;
    }
    return out;
}
Json entry(std::string_view revision, int percent, std::string_view tag = {}) {
    return with_share(
        {{"type", "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"}, {"revision", revision}}, percent, tag
    );
}
Json latest(int percent, std::string_view tag = {}) {
    return with_share({{"type", "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"}}, percent, tag);
}

} // namespace

TEST_CASE("cloud run: a write names its mask, the etag's own bytes and every target with its tag") {
    Bench bench;
    const std::string etag = bench.read().etag;
    CHECK(etag.starts_with('"'));
    bench.shift(5);
    const Seen& write = bench.last_write();
    CHECK(
        write.target ==
        "/v2/projects/demo-project/locations/europe-west1/services/lane?updateMask=traffic"
    );
    const Json body = *parse_json(write.body);
    CHECK(body.at("etag") == etag);
    CHECK(
        body.at("traffic") ==
        Json::array({entry("canary", 5, "green"), entry("stable", 95), entry("stable", 0, "blue")})
    );
    CHECK(body.size() == 2);
    bench.check_careful();
}

TEST_CASE("cloud run: the share goes to the entry that has one, else to one without a tag") {
    Bench bench;
    bench.fake.model.operator_sets(Json::array(
        {entry("canary", 0, "green"),
         entry("canary", 0),
         entry("stable", 40, "blue"),
         entry("stable", 60)}
    ));
    CHECK(bench.read().serving == split(0));
    bench.shift(25);
    CHECK(
        bench.fake.model.traffic() == Json::array(
                                          {entry("canary", 0, "green"),
                                           entry("canary", 25),
                                           entry("stable", 75, "blue"),
                                           entry("stable", 0)}
                                      )
    );
    bench.check_careful();
}

TEST_CASE("cloud run: a revision without an entry gets one of its own") {
    Bench bench;
    bench.fake.model.operator_sets(Json::array({entry("stable", 100)}));
    bench.shift(5);
    CHECK(bench.fake.model.traffic() == Json::array({entry("stable", 95), entry("canary", 5)}));
}

TEST_CASE("cloud run: \"latest\" is read as what it means and pinned while we write") {
    Bench bench;
    bench.fake.model.latest_ready = "stable";
    bench.fake.model.operator_sets(Json::array({latest(100, "now"), entry("canary", 0, "green")}));
    const TrafficState state = bench.read();
    CHECK(state.serving == split(0));
    CHECK(state.wanted == split(0));
    bench.shift(5);
    CHECK(
        bench.fake.model.traffic() ==
        Json::array({latest(0, "now"), entry("canary", 5, "green"), entry("stable", 95)})
    );
    bench.check_careful();
}

TEST_CASE("cloud run: fault 64: the exact block comes back, \"latest\" and tags included") {
    Bench bench;
    bench.fake.model.latest_ready = "stable";
    const Json before = Json::array({latest(100), entry("canary", 0, "green")});
    bench.fake.model.operator_sets(before);
    const TrafficState baseline = bench.read();
    CHECK(baseline.exact == Json{{"traffic", before}});
    bench.shift(50);
    const std::string etag = bench.read().etag;
    REQUIRE(bench.get(bench.driven->restore(baseline.serving, baseline.exact, etag)).has_value());
    CHECK(bench.fake.model.traffic() == before);
    CHECK(bench.read().exact == baseline.exact);
    bench.check_careful();
}

TEST_CASE("cloud run: a rollback brings the shares back and leaves what others added") {
    Bench bench;
    const TrafficState baseline = bench.read();
    bench.shift(50);
    Json now = bench.fake.model.traffic();
    now.push_back(entry("stable", 0, "debug")); // somebody's, meanwhile
    bench.fake.model.operator_sets(now);
    const TrafficState before = bench.read();
    CHECK_FALSE(bench.driven->same_setting(before.exact, baseline.exact));
    REQUIRE(bench.get(bench.driven->restore(split(0), baseline.exact, before.etag)).has_value());
    CHECK(
        bench.fake.model.traffic() == Json::array(
                                          {entry("canary", 0, "green"),
                                           entry("stable", 100),
                                           entry("stable", 0, "blue"),
                                           entry("stable", 0, "debug")}
                                      )
    );
    const TrafficState after = bench.read();
    CHECK(after.exact != baseline.exact);
    CHECK(bench.driven->same_setting(after.exact, baseline.exact));
    bench.check_careful();
}

TEST_CASE("cloud run: a tag that somebody moved meanwhile stays where it is") {
    Bench bench;
    bench.fake.model.operator_sets(
        Json::array({entry("stable", 100, "live"), entry("canary", 0, "green")})
    );
    const TrafficState baseline = bench.read();
    bench.fake.model.operator_sets(Json::array({entry("stable", 50), entry("canary", 50, "live")}));
    REQUIRE(
        bench.get(bench.driven->restore(split(0), baseline.exact, bench.read().etag)).has_value()
    );
    CHECK(
        bench.fake.model.traffic() ==
        Json::array({entry("stable", 100), entry("canary", 0, "live")})
    );
}

TEST_CASE("cloud run: a tag of a revision that was deleted is left out and named") {
    for (const bool exactly : {true, false}) {
        CAPTURE(exactly);
        Bench bench;
        bench.fake.model.revisions["old"] = true;
        bench.fake.model.operator_sets(
            Json::array({entry("stable", 100), entry("canary", 0, "green"), entry("old", 0, "was")})
        );
        const TrafficState baseline = bench.read();
        bench.shift(25);
        bench.fake.model.revisions.erase("old");
        const std::string etag = bench.read().etag;
        const auto written = exactly
                                 ? bench.get(bench.driven->restore(split(0), baseline.exact, etag))
                                 : bench.get(bench.driven->set(split(0), etag));
        INFO((written ? "" : written.error().text()));
        REQUIRE(written.has_value());
        CHECK(bench.fake.model.serving()["stable"] == 100);
        const TrafficState after = bench.read();
        CHECK(after.extra.at("left_out") == Json::array({"revision old (tag was)"}));
        CHECK(bench.driven->same_setting(after.exact, baseline.exact));
        bench.check_careful();
    }
}

TEST_CASE("cloud run: somebody's deployment that failed is at rest, and hides no success of ours") {
    Bench bench;
    const TrafficState baseline = bench.read();
    bench.shift(5);
    bench.fake.model.deployment_fails("The user-provided container failed to start.");
    const TrafficState state = bench.read();
    CHECK(state.settled);
    CHECK(state.extra.at("generation") != state.extra.at("observedGeneration"));
    CHECK(state.extra.at("trouble") == "The user-provided container failed to start.");
    CHECK(bench.get(bench.driver()->verify(split(5), Millis(2000))).has_value());
    REQUIRE(bench.get(bench.driven->restore(split(0), baseline.exact, state.etag)).has_value());
    CHECK(bench.get(bench.driven->verify(split(0), Millis(2000))).has_value());
    bench.check_careful();
}

TEST_CASE("cloud run: \"latest\" that means another revision by now is not restored to users") {
    Bench bench;
    bench.fake.model.latest_ready = "stable";
    bench.fake.model.operator_sets(Json::array({latest(100), entry("canary", 0, "green")}));
    const TrafficState baseline = bench.read();
    bench.shift(50);
    bench.fake.model.revisions["newer"] = true;
    bench.fake.model.latest_ready = "newer";
    const std::string etag = bench.read().etag;
    REQUIRE(bench.get(bench.driven->restore(baseline.serving, baseline.exact, etag)).has_value());
    CHECK(bench.fake.model.serving()["stable"] == 100);
    CHECK(bench.fake.model.serving()["newer"] == 0);
    CHECK(bench.get(bench.driven->verify(split(0), Millis(2000))).has_value());
}

TEST_CASE("cloud run: no traffic at all means 100 % for the latest ready revision") {
    Bench bench;
    bench.fake.model.latest_ready = "stable";
    bench.fake.model.operator_sets(Json::array());
    const TrafficState state = bench.read();
    CHECK(state.wanted == split(0));
    CHECK(state.exact == Json{{"traffic", Json::array({latest(100)})}});
    CHECK(state.serving.empty()); // the fake tells no status then: nothing is assumed
}

TEST_CASE("cloud run: what is wanted and what serves are told apart") {
    Bench bench;
    bench.fake.model.fates = {Fate::fails};
    REQUIRE(bench.get(bench.driven->set(split(25), bench.read().etag)).has_value());
    const auto other = bench.driver();
    const auto state = bench.get(other->read());
    REQUIRE(state.has_value());
    CHECK(state->wanted == split(25));
    CHECK(state->serving == split(0));
    CHECK(state->settled); // it is over, though not well: a rollback may write
    CHECK(state->extra.at("terminalCondition").at("state") == "CONDITION_FAILED");
}

TEST_CASE("cloud run: shares that do not sum to 100 % are unknown, not an error") {
    Bench bench;
    bench.fake.model.fates = {Fate::partial};
    REQUIRE(bench.get(bench.driven->set(split(50), bench.read().etag)).has_value());
    const auto seen = bench.get(bench.driven->verify(split(50), Millis(60)));
    REQUIRE_FALSE(seen.has_value());
    CHECK(seen.error().code == Code::timeout);
    const TrafficState state = bench.read();
    CHECK(state.serving.empty());
    CHECK(state.wanted == split(50));
    CHECK(state.settled);
    bench.shift(0); // and it can be taken back
}

TEST_CASE("cloud run: a preview sends nothing but GET") {
    Bench bench;
    CHECK(bench.get(bench.driven->preview(split(50))).has_value());
    CHECK(bench.get(bench.driven->preview(split(0))).has_value());
    CHECK(bench.fake.count("any") > 0);
    CHECK(bench.fake.count("any") == bench.fake.count("get"));
}

TEST_CASE("cloud run: fault 39: a revision that does not exist or is not ready is found out first"
) {
    Bench bench;
    const auto nobody = bench.get(bench.driven->preview(*Split::between("stable", "nobody", 5)));
    REQUIRE_FALSE(nobody.has_value());
    CHECK(nobody.error().code == Code::precondition);
    CHECK(
        nobody.error().hint.text().find("revisions list --service lane --project") !=
        std::string::npos
    );
    bench.fake.model.revisions["canary"] = false;
    const auto written = bench.get(bench.driven->set(split(5), bench.read().etag));
    REQUIRE_FALSE(written.has_value());
    CHECK(written.error().code == Code::precondition);
    CHECK(
        written.error().hint.text().find("revisions describe canary --project") != std::string::npos
    );
    CHECK(bench.fake.count("patch") == 0);
}

TEST_CASE("cloud run: a revision is reached by its tag") {
    Bench bench;
    CHECK_FALSE(bench.driven->address("canary").has_value()); // nothing was read yet
    (void)bench.read();
    CHECK(bench.driven->address("canary")->base_url == "http://127.0.0.1:9/canary");
    CHECK(bench.driven->address("nobody").error().code == Code::not_found);
    bench.fake.model.operator_sets(Json::array({entry("stable", 100)}));
    (void)bench.read();
    const auto none = bench.driven->address("stable");
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().code == Code::precondition);
    CHECK(none.error().hint.text().find("--update-tags") != std::string::npos);

    // The tag of "the latest revision" is that of the one that is.
    bench.fake.model.latest_ready = "canary";
    bench.fake.model.operator_sets(Json::array({entry("stable", 100, "blue"), latest(0, "green")}));
    (void)bench.read();
    CHECK(bench.driven->address("canary")->base_url == "http://127.0.0.1:9/canary");
    CHECK(bench.driven->address("stable")->base_url == "http://127.0.0.1:9/stable");
}

TEST_CASE("cloud run: the token is not sent in clear text, nor names into the path") {
    CloudRunRig rig;
    struct Row {
        std::string name;
        std::function<void(CloudRunDriverOptions&)> change;
    };
    const std::vector<Row> rows{
        {"clear text", [](auto& o) { o.endpoint = "http://run.example.com"; }},
        {"loopback in disguise", [](auto& o) { o.endpoint = "http://127.0.0.1.example.com:80"; }},
        {"no scheme", [](auto& o) { o.endpoint = "run.googleapis.com"; }},
        {"a path for a project", [](auto& o) { o.project = "a/../b"; }},
        {"dots for a region", [](auto& o) { o.region = ".."; }},
        {"a query for a service", [](auto& o) { o.service = "lane?allowMissing=true"; }},
        {"no service", [](auto& o) { o.service.clear(); }},
        {"a full name for a revision", [](auto& o) { o.revisions = {"a/revisions/b", "c"}; }},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        CloudRunDriverOptions options = rig.options();
        row.change(options);
        const auto driver = make_cloud_run_driver(*rig.client, std::move(options));
        const auto state = rig.get(driver->read());
        REQUIRE_FALSE(state.has_value());
        CHECK(state.error().code == Code::config);
    }
    CHECK(rig.fake.seen.empty());
}

TEST_CASE("cloud run: a service that makes no sense is an error of protocol") {
    Bench bench;
    const std::vector<std::string> bodies{
        "[]",
        "null",
        R"({})",
        R"({"name":"x"})",
        R"({"name":"x","traffic":{}})",
        R"({"name":"x","traffic":[{"type":"TRAFFIC_TARGET_ALLOCATION_TYPE_NEWER","percent":100}]})",
        R"({"name":"x","traffic":[{"type":"TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION","percent":100}]})",
        R"({"name":"x","traffic":[{"revision":"stable","percent":"100"}]})",
        R"({"name":"x","traffic":[{"revision":"stable","percent":99}]})",
        R"({"name":"x","traffic":[{"revision":"stable","percent":400}]})",
        R"({"name":"x","generation":"many","traffic":[{"revision":"stable","percent":100}]})",
    };
    for (const std::string& body : bodies) {
        CAPTURE(body);
        bench.fake.faults = {{.status = 200, .body = body}};
        const auto state = bench.get(bench.driven->read());
        REQUIRE_FALSE(state.has_value());
        CHECK(state.error().code == Code::protocol);
    }
}

TEST_CASE("cloud run: full names and integers as text or number are read alike") {
    Bench bench;
    bench.fake.faults = {
        {.status = 200, .body = R"({"name":"projects/p/locations/l/services/lane","etag":"\"e\"",
          "generation":7,"observedGeneration":"7","terminalCondition":{"state":"CONDITION_SUCCEEDED"},
          "traffic":[{"revision":"projects/p/locations/l/services/lane/revisions/stable","percent":100}],
          "trafficStatuses":[{"revision":"stable","percent":100}]})"}
    };
    const TrafficState state = bench.read();
    CHECK(state.settled);
    CHECK(state.serving == split(0));
    CHECK(state.wanted == state.serving);
    CHECK(state.etag == "\"e\"");
}

TEST_CASE("cloud run: it is settled only when the platform says so in every way") {
    struct Row {
        std::string name, members;
        bool settled;
    };
    const std::vector<Row> rows{
        {"all said",
         R"("generation":"3","observedGeneration":"3","terminalCondition":{"state":"CONDITION_SUCCEEDED"})",
         true},
        {"failed",
         R"("generation":"3","observedGeneration":"3","terminalCondition":{"state":"CONDITION_FAILED"})",
         true},
        {"reconciling",
         R"("reconciling":true,"generation":"3","observedGeneration":"3","terminalCondition":{"state":"CONDITION_SUCCEEDED"})",
         false},
        {"not observed",
         R"("generation":"4","observedGeneration":"3","terminalCondition":{"state":"CONDITION_SUCCEEDED"})",
         false},
        {"under way",
         R"("generation":"3","observedGeneration":"3","terminalCondition":{"state":"CONDITION_RECONCILING"})",
         false},
        {"not said", R"("generation":"3","observedGeneration":"3")", false},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        Bench bench;
        bench.fake.faults = {
            {.status = 200,
             .body = R"({"name":"x","etag":"e","traffic":[{"revision":"stable","percent":100}],)"
                     R"("trafficStatuses":[{"revision":"stable","percent":100}],)" +
                     row.members + "}"}
        };
        CHECK(bench.read().settled == row.settled);
    }
}
