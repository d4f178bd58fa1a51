// What the Admin API may answer instead, and what the driver makes of it.
#include "cloud_run_rig.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>

using namespace oa_stream;
using namespace oa_stream::traffic;
using namespace oa_stream::traffic::testing;

namespace {

std::string body_of(int code, std::string_view word, std::string_view text) {
    return fmt::format(
        R"({{"error":{{"code":{},"message":"{}","status":"{}"}}}})", code, text, word
    );
}

struct Bench : CloudRunRig {
    std::unique_ptr<TrafficDriver> driven = driver();

    TrafficState read() { return state_of(*driven); }
    Result<void> set(int canary, std::string etag) {
        return get(driven->set(split(canary), std::move(etag)));
    }
    Error refused(const Result<void>& result) {
        REQUIRE_FALSE(result.has_value());
        INFO(result.error().text());
        CHECK(result.error().text().find("token-1") == std::string::npos);
        return result.error();
    }
    /// A driver whose calls may wait no longer.
    void hurry() {
        CloudRunDriverOptions quick = options();
        quick.wait_at_most = Millis(100);
        driven = make_cloud_run_driver(*client, std::move(quick));
    }
    ~Bench() override { CHECK(fake.model.violations().empty()); }
    Bench() = default;
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;
};

} // namespace

// Reading ---------------------------------------------------------------------------------------

TEST_CASE("cloud run: 429, 500, 502, 503 and 504 are asked again, and the repetitions told") {
    for (const int status : {429, 500, 502, 503, 504}) {
        CAPTURE(status);
        Bench bench;
        bench.fake.faults = {{.times = 2, .status = status, .body = "<html>", .type = "text/html"}};
        CHECK(bench.read().extra.at("repeated_reads") == 2);
        CHECK(bench.fake.count("service") == 3);
    }
}

TEST_CASE("cloud run: a read whose answer is lost is asked three times, not for ever") {
    Bench bench;
    bench.fake.faults = {{.times = -1, .end = Fault::End::drop}};
    const Error error = bench.get(bench.driven->read()).error();
    CHECK(error.code == Code::network);
    CHECK(error.message.ends_with(", asked 3 times"));
    CHECK(bench.fake.count("any") == 3);
}

TEST_CASE("cloud run: 400, 403 and 404 are never asked again") {
    struct Row {
        int status;
        std::string body;
        Code code;
    };
    const std::vector<Row> rows{
        {400, body_of(400, "INVALID_ARGUMENT", "Bad name"), Code::usage},
        {403,
         body_of(403, "PERMISSION_DENIED", "Permission 'run.services.get' denied"),
         Code::credentials},
        {403, "<html>Forbidden</html>", Code::credentials},
        {404, body_of(404, "NOT_FOUND", "Resource was not found"), Code::not_found},
        {404, "<html>Not Found</html>", Code::protocol},
    };
    for (const Row& row : rows) {
        CAPTURE(row.body);
        Bench bench;
        bench.fake.faults = {{.times = -1, .status = row.status, .body = row.body}};
        const auto state = bench.get(bench.driven->read());
        REQUIRE_FALSE(state.has_value());
        CHECK(state.error().code == row.code);
        CHECK(state.error().message.find(std::to_string(row.status)) != std::string::npos);
        CHECK(bench.fake.count("any") == 1);
    }
}

TEST_CASE("cloud run: Retry-After is waited out, as seconds and as a date") {
    const std::vector<std::vector<std::pair<std::string, std::string>>> forms{
        {{"retry-after", "1"}},
        {{"retry-after", "Fri, 20 Nov 2026 14:22:31 GMT"}, {"date", "Fri, 20 Nov 2026 14:22:30 GMT"}
        },
    };
    for (const auto& headers : forms) {
        CAPTURE(headers.front().second);
        Bench bench;
        bench.fake.faults = {{.status = 503, .headers = headers}};
        const auto began = Clock::now();
        (void)bench.read();
        CHECK(Clock::now() - began >= std::chrono::seconds(1));
        CHECK(bench.fake.count("service") == 2);
    }
}

TEST_CASE("cloud run: who asks to be left alone for longer than we may wait is left alone") {
    Bench bench;
    bench.fake.faults = {{.status = 429, .headers = {{"retry-after", "3600"}}}};
    for (int i = 0; i < 2; ++i) {
        const auto state = bench.get(bench.driven->read());
        REQUIRE_FALSE(state.has_value());
        CHECK(state.error().code == Code::unavailable);
    }
    CHECK(bench.fake.count("any") == 1);
}

TEST_CASE("cloud run: a token refused in mid-run is replaced once, and the run goes on") {
    Bench bench;
    bench.token = metadata_tokens(*bench.client, bench.fake.url());
    bench.driven = bench.driver();
    const std::string etag = bench.read().etag;
    bench.fake.tokens = {"token-2"};
    bench.fake.next_token = "token-2";
    CHECK(bench.set(5, etag).has_value());
    CHECK(bench.fake.model.applied() == 1);
    CHECK(bench.fake.count("token") == 2);
}

TEST_CASE("cloud run: a second refusal of the token ends it: credentials, nothing written") {
    Bench bench;
    bench.token = metadata_tokens(*bench.client, bench.fake.url());
    bench.driven = bench.driver();
    const std::string etag = bench.read().etag;
    bench.fake.tokens = {"another"};
    CHECK(bench.refused(bench.set(5, etag)).code == Code::credentials);
    CHECK(bench.fake.count("service") == 3); // the first read, then with both tokens
    CHECK(bench.fake.count("patch") == 0);
    const auto seen = bench.get(bench.driven->verify(split(5), Millis(2000)));
    REQUIRE_FALSE(seen.has_value());
    CHECK(seen.error().code == Code::credentials); // at once, not when the time is over
    CHECK(bench.fake.count("service") == 5);
}

TEST_CASE("cloud run: a token that comes back in an answer is not passed on") {
    Bench bench;
    bench.fake.faults = {{.times = -1, .status = 403, .body = "Bearer token-1 may not"}};
    const auto state = bench.get(bench.driven->read());
    REQUIRE_FALSE(state.has_value());
    CHECK(state.error().text().find("token-1") == std::string::npos);
    CHECK(state.error().text().find("*******") != std::string::npos);
}

// Writing ---------------------------------------------------------------------------------------

TEST_CASE(
    "cloud run: a write is sent once, whatever its answer, unless that proves nothing was done"
) {
    struct Row {
        std::string name;
        Fault fault;
        Code code;
        bool ambiguous;
    };
    const std::vector<Row> rows{
        {"400",
         {.status = 400, .body = body_of(400, "INVALID_ARGUMENT", "sum is 99")},
         Code::usage,
         false},
        {"403",
         {.status = 403, .body = body_of(403, "PERMISSION_DENIED", "denied")},
         Code::credentials,
         false},
        {"404", {.status = 404, .body = body_of(404, "NOT_FOUND", "gone")}, Code::not_found, false},
        {"409",
         {.status = 409, .body = body_of(409, "ABORTED", "Conflict for resource")},
         Code::conflict,
         false},
        {"500", {.status = 500, .body = body_of(500, "INTERNAL", "oops")}, Code::unavailable, true},
        {"503",
         {.status = 503, .body = body_of(503, "UNAVAILABLE", "later")},
         Code::unavailable,
         true},
        {"503 HTML", {.status = 503, .body = "<html>"}, Code::unavailable, true},
        {"504", {.status = 504}, Code::unavailable, true},
        {"502 HTML", {.status = 502, .body = "<html>Bad Gateway"}, Code::protocol, true},
        {"404 HTML", {.status = 404, .body = "<html>Not Found"}, Code::protocol, true},
        {"302",
         {.status = 302, .headers = {{"location", "http://127.0.0.1:9/"}}},
         Code::protocol,
         true},
        {"200 HTML", {.status = 200, .body = "<html>"}, Code::protocol, true},
        {"200 without operation", {.status = 200, .body = "{}"}, Code::protocol, true},
        {"operation elsewhere",
         {.status = 200, .body = R"({"name":"operations/../../x"})"},
         Code::protocol,
         true},
        {"reset", {.end = Fault::End::drop}, Code::network, true},
        {"half", {.end = Fault::End::half}, Code::network, true},
        {"silence", {.end = Fault::End::hang}, Code::timeout, true},
    };
    for (const Row& row : rows) {
        for (const bool applied : {false, true}) {
            if ((applied && !row.ambiguous) || (!applied && row.fault.end == Fault::End::half)) {
                continue;
            }
            CAPTURE(row.name, applied);
            Bench bench;
            const std::string etag = bench.read().etag;
            Fault fault = row.fault;
            fault.on = "patch";
            fault.times = -1;
            fault.apply = applied;
            bench.fake.faults = {fault};
            const Error error = bench.refused(bench.set(25, etag));
            CHECK(to_string(error.code) == to_string(row.code));
            CHECK(is_ambiguous(error) == row.ambiguous);
            CHECK(bench.fake.count("patch") == 1);
            bench.fake.faults.clear();
            const TrafficState now = bench.read();
            CHECK((now.etag == etag) == !applied); // which is how a later read tells
            CHECK(now.wanted == split(applied ? 25 : 0));
        }
    }
}

TEST_CASE("cloud run: 429 is no maybe: waited out as asked, then written once") {
    Bench bench;
    const std::string etag = bench.read().etag;
    bench.fake.faults = {{.on = "patch", .status = 429, .headers = {{"retry-after", "1"}}}};
    const auto began = Clock::now();
    CHECK(bench.set(25, etag).has_value());
    CHECK(Clock::now() - began >= std::chrono::seconds(1));
    CHECK(bench.fake.count("patch") == 2);
    CHECK(bench.fake.model.applied() == 1);
}

TEST_CASE("cloud run: 429 that outlasts our patience: nothing was written, and that is certain") {
    Bench bench;
    bench.hurry();
    const std::string etag = bench.read().etag;
    bench.fake.faults = {
        {.on = "patch", .times = -1, .status = 429, .headers = {{"retry-after", "60"}}}
    };
    const Error error = bench.refused(bench.set(25, etag));
    CHECK(error.code == Code::conflict);
    CHECK_FALSE(is_ambiguous(error));
    CHECK(bench.fake.count("patch") == 1);
    CHECK(bench.fake.model.applied() == 0);
}

TEST_CASE("cloud run: 429 with a long Retry-After on a write blocks neither a look nor a rollback"
) {
    Bench bench;
    CloudRunDriverOptions patient = bench.options();
    patient.wait_at_most = Millis(10000);
    bench.driven = make_cloud_run_driver(*bench.client, std::move(patient));
    const TrafficState baseline = bench.read();
    REQUIRE(bench.set(25, baseline.etag).has_value());
    bench.fake.faults = {{.on = "patch", .status = 429, .headers = {{"retry-after", "3600"}}}};
    const TrafficState shifted = bench.read();
    CHECK(bench.refused(bench.set(50, shifted.etag)).code == Code::conflict);
    const auto began = Clock::now();
    CHECK(bench.read().serving == split(25));
    CHECK(bench.refused(bench.set(50, shifted.etag)).code == Code::conflict); // a shift can wait
    bench.driven->begin_rescue();
    REQUIRE(bench.get(bench.driven->restore(split(0), baseline.exact, shifted.etag)).has_value());
    CHECK(Clock::now() - began < std::chrono::seconds(10));
    CHECK(bench.read().serving == split(0));
}

TEST_CASE("cloud run: no call waits beyond the time that the run has left") {
    Bench bench;
    const std::string etag = bench.read().etag;
    bench.fake.faults = {{.on = "patch", .times = -1, .status = 429}};
    bench.driven->wait_no_longer_than(Clock::now() + Millis(300));
    const auto began = Clock::now();
    CHECK(bench.refused(bench.set(25, etag)).code == Code::conflict);
    CHECK(Clock::now() - began < std::chrono::seconds(1)); // wait_at_most is longer
    bench.driven->wait_no_longer_than(Clock::time_point::max());
}

TEST_CASE("cloud run: 429 without a time is repeated with back-off, and certain in the end") {
    Bench bench;
    bench.hurry();
    const std::string etag = bench.read().etag;
    bench.fake.faults = {{.on = "patch", .times = -1, .status = 429}};
    CHECK(bench.refused(bench.set(25, etag)).code == Code::conflict);
    CHECK(bench.fake.count("patch") > 1);
    CHECK(bench.fake.model.applied() == 0);
}

TEST_CASE("cloud run: a 503 with Retry-After is heeded by the look that follows") {
    Bench bench;
    const std::string etag = bench.read().etag;
    bench.fake.faults = {{.on = "patch", .status = 503, .headers = {{"retry-after", "1"}}}};
    const auto began = Clock::now();
    CHECK(is_ambiguous(bench.refused(bench.set(25, etag))));
    CHECK(Clock::now() - began < std::chrono::seconds(1)); // the decision is not ours
    (void)bench.read();
    CHECK(Clock::now() - began >= std::chrono::seconds(1));
}

TEST_CASE("cloud run: an operator who writes in between wins") {
    Bench bench;
    const std::string etag = bench.read().etag;
    bench.fake.faults = {{.on = "patch", .then_operator = 40}};
    CHECK(bench.refused(bench.set(5, etag)).code == Code::conflict);
    CHECK(bench.fake.model.applied() == 0);
    CHECK(bench.read().serving == split(40));
}

// Carrying out ----------------------------------------------------------------------------------

TEST_CASE("cloud run: an operation is followed until it is over") {
    Bench bench;
    bench.fake.model.latency = Millis(120);
    REQUIRE(bench.set(25, bench.read().etag).has_value());
    const TrafficState meanwhile = bench.read();
    CHECK_FALSE(meanwhile.settled);
    CHECK(meanwhile.wanted == split(25));
    CHECK(meanwhile.serving == split(0));
    const auto seen = bench.get(bench.driven->verify(split(25), Millis(5000)));
    REQUIRE(seen.has_value());
    CHECK(seen->extra.at("operation").at("done") == true);
    CHECK(bench.fake.count("operation") > 1);
}

TEST_CASE("cloud run: a failed operation is told in its own words, with what serves") {
    Bench bench;
    bench.fake.model.fates = {Fate::fails};
    REQUIRE(bench.set(25, bench.read().etag).has_value());
    const auto seen = bench.get(bench.driven->verify(split(25), Millis(5000)));
    REQUIRE_FALSE(seen.has_value());
    CHECK(seen.error().code == Code::precondition); // FAILED_PRECONDITION
    CHECK(seen.error().message.find("is not ready and cannot serve traffic") != std::string::npos);
    CHECK(seen.error().message.find("stable 100%") != std::string::npos);
    CHECK(bench.fake.model.serving()["stable"] == 100);
}

TEST_CASE("cloud run: a failure is seen by a process that knows no operation, too") {
    Bench bench;
    bench.fake.model.fates = {Fate::fails};
    REQUIRE(bench.set(25, bench.read().etag).has_value());
    const auto other = bench.driver();
    const auto seen = bench.get(other->verify(split(25), Millis(5000)));
    REQUIRE_FALSE(seen.has_value());
    CHECK(seen.error().message.find("cannot serve traffic") != std::string::npos);
}

TEST_CASE("cloud run: nothing is written while the last write is being carried out") {
    for (const bool same_process : {true, false}) {
        CAPTURE(same_process);
        Bench bench;
        bench.fake.model.fates = {Fate::stuck};
        REQUIRE(bench.set(25, bench.read().etag).has_value());
        const auto seen = bench.get(bench.driven->verify(split(25), Millis(100)));
        REQUIRE_FALSE(seen.has_value());
        CHECK(seen.error().code == Code::timeout);
        CHECK(seen.error().where.find("/operations/") != std::string::npos);
        const auto driver = same_process ? nullptr : bench.driver();
        TrafficDriver& writer = same_process ? *bench.driven : *driver;
        const auto state = bench.get(writer.read());
        CHECK_FALSE(state->settled);
        CHECK(bench.refused(bench.get(writer.set(split(0), state->etag))).code == Code::conflict);
        const Json exact = state->exact;
        CHECK(
            bench.refused(bench.get(writer.restore(split(0), exact, state->etag))).code ==
            Code::conflict
        );
        CHECK(bench.fake.count("patch") == 1);
    }
}

TEST_CASE("cloud run: an operation that the platform has forgotten is no obstacle") {
    Bench bench;
    REQUIRE(bench.set(25, bench.read().etag).has_value());
    bench.fake.faults = {
        {.on = "operation", .times = -1, .status = 404, .body = body_of(404, "NOT_FOUND", "gone")}
    };
    CHECK(bench.get(bench.driven->verify(split(25), Millis(2000))).has_value());
}

TEST_CASE("cloud run: no API at that address is told soon") {
    Bench bench;
    CloudRunDriverOptions options = bench.options();
    options.endpoint = "http://127.0.0.1:1";
    const auto driver = make_cloud_run_driver(*bench.client, std::move(options));
    const auto state = bench.get(driver->read());
    REQUIRE_FALSE(state.has_value());
    CHECK(state.error().code == Code::unavailable);
    CHECK(state.error().where.find("/services/lane") != std::string::npos);
}

TEST_CASE("cloud run: who may not see the operation follows the service, and can roll back") {
    Bench bench;
    const TrafficState before = bench.read();
    bench.fake.faults = {
        {.on = "operation",
         .times = -1,
         .status = 403,
         .body = body_of(403, "PERMISSION_DENIED", "Permission 'run.operations.get' denied")}
    };
    bench.fake.model.latency = Millis(120);
    REQUIRE(bench.set(25, before.etag).has_value());
    const auto seen = bench.get(bench.driven->verify(split(25), Millis(5000)));
    INFO((seen ? "" : seen.error().text()));
    REQUIRE(seen.has_value());
    REQUIRE(bench.get(bench.driven->restore(split(0), before.exact, seen->etag)).has_value());
    CHECK(bench.get(bench.driven->verify(split(0), Millis(5000))).has_value());
}

TEST_CASE("cloud run: a rollback does not wait for the list of revisions") {
    for (const auto& [status, exact] : std::vector<std::pair<int, bool>>{
             {403, true}, {500, true}, {503, true}, {403, false}, {429, false}, {503, false}
         }) {
        CAPTURE(status, exact); // without: a plan that rolls back, or a step of a ramp
        Bench bench;
        const TrafficState before = bench.read();
        REQUIRE(bench.set(25, before.etag).has_value());
        const auto moved = bench.get(bench.driven->verify(split(25), Millis(5000)));
        REQUIRE(moved.has_value());
        bench.fake.faults = {{.on = "revision", .times = -1, .status = status}};
        const Error error = bench.refused(bench.set(50, moved->etag));
        CHECK_FALSE(is_ambiguous(error)); // no revision gains users unseen
        CHECK(bench.fake.count("patch") == 1);
        const int asked = bench.fake.count("revision");
        bench.driven->begin_rescue();
        const auto back =
            exact ? bench.get(bench.driven->restore(split(0), before.exact, moved->etag))
                  : bench.set(0, moved->etag);
        INFO((back ? "" : back.error().text()));
        CHECK(back.has_value());
        CHECK(bench.fake.count("revision") == asked + 1);
    }
}

TEST_CASE("cloud run: a rollback does not wait for what the operation tells") {
    for (const int status : {500, 503, 429}) {
        CAPTURE(status);
        Bench bench;
        const TrafficState before = bench.read();
        bench.fake.model.latency = Millis(120);
        bench.fake.faults = {{.on = "operation", .times = -1, .status = status}};
        REQUIRE(bench.set(25, before.etag).has_value());
        CHECK_FALSE(bench.get(bench.driven->verify(split(25), Millis(300))).has_value());
        bench.driven->begin_rescue();
        const auto moved = bench.get(bench.driven->read());
        INFO((moved ? "" : moved.error().text()));
        REQUIRE(moved.has_value());
        CHECK(moved->settled);
        REQUIRE(bench.get(bench.driven->restore(split(0), before.exact, moved->etag)).has_value());
        // The change of its own is waited for by the service alone.
        const auto back = bench.get(bench.driven->verify(split(0), Millis(5000)));
        INFO((back ? "" : back.error().text()));
        REQUIRE(back.has_value());
        CHECK(bench.fake.model.serving()["stable"] == 100);
    }
}

TEST_CASE("cloud run: a rollback still waits for a change that the service shows") {
    Bench bench;
    bench.fake.model.fates = {Fate::stuck};
    REQUIRE(bench.set(25, bench.read().etag).has_value());
    bench.fake.faults = {{.on = "operation", .times = -1, .status = 500}};
    bench.driven->begin_rescue();
    const auto state = bench.get(bench.driven->read());
    REQUIRE(state.has_value());
    CHECK_FALSE(state->settled);
    const Json exact = state->exact;
    CHECK(
        bench.refused(bench.get(bench.driven->restore(split(0), exact, state->etag))).code ==
        Code::conflict
    );
    CHECK(bench.fake.count("patch") == 1);
}

TEST_CASE("cloud run: a refused token is told with the API that refused it") {
    Bench bench;
    bench.fake.tokens = {"another"};
    const auto state = bench.get(bench.driven->read());
    REQUIRE_FALSE(state.has_value());
    CHECK(state.error().code == Code::credentials);
    CHECK(state.error().where.find("/services/lane") != std::string::npos);
}
