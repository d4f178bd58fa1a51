#include "cloud_run_world.hpp"

#include "oa_stream/base/file.hpp"

#include "run_task.hpp"

#include <catch2/catch.hpp>

namespace oa_stream::playbook::testing {

CloudRunWorld::CloudRunWorld()
    : fake(io), client(net::HttpClient::make(io.get_executor())),
      token(net::token_source(io.get_executor(), *client, "env:TOKEN", Secret("token-1"))) {
    instruments.canary_answers = [this](int) { return fake.model.serving()["stable"] == 0; };
    playbook.kind = Kind::cutover;
    playbook.name = "cloud";
    playbook.target.base_url = "http://127.0.0.1:9";
    playbook.traffic = {.driver = "cloud-run", .stable = "stable", .canary = "canary"};
    playbook.preflight = {{"preflight.stable", Through::stable}};
    playbook.stages = {0, 5, 25, 50, 100};
    playbook.stage.bake = Millis(10);
    playbook.stage.gates = {{.id = "error-rate", .limit = 0.05}};
    playbook.postflight = {{"postflight.users", Through::users}};
    playbook.fresh_row = 3;
    playbook.restore_limit = Millis(1500);
    playbook.driver_limit = Millis(1500);
}

void CloudRunWorld::nth_write(int number, traffic::testing::Fault fault) {
    fault.on = "patch";
    fault.skip = number - 1;
    fake.faults.push_back(std::move(fault));
}

RunOutcome CloudRunWorld::run() {
    const auto driver = traffic::make_cloud_run_driver(
        *client,
        {.endpoint = fake.url(),
         .project = "demo-project",
         .region = "europe-west1",
         .service = "lane",
         .revisions = {"stable", "canary"},
         .token = token,
         .call_timeout = Millis(500),
         .poll = Millis(10),
         .wait_at_most = Millis(3000),
         .backoff = Millis(5)}
    );
    auto session = run::RunSession::begin(state, {.kind = run::RunKind::cutover}, Redactor{});
    REQUIRE(session.has_value());
    folder = session->folder().path();

    std::optional<Plan> plan;
    RunInput input;
    const auto all = [&]() -> Task<RunOutcome> {
        const auto live = co_await driver->read();
        REQUIRE(live.has_value());
        auto made = make_plan(playbook, "cloud-run", driver->target(), *live);
        INFO((made ? "" : made.error().text()));
        REQUIRE(made.has_value());
        plan = *std::move(made);
        input.plan = &*plan;
        input.driver = driver.get();
        input.instruments = &instruments;
        input.session = &*session;
        input.stop = &stop;
        input.timing = {
            .tick = Millis(1),
            .view_every = Millis(5),
            .interim_every = Millis(3),
            .drift_every = Millis(5),
            .in_flight = Millis(10),
            .driver_call = driver->patience(),
            .retry_pause = Millis(5)
        };
        co_return co_await run_plan(input);
    };
    return test::run_task(io, all());
}

std::string CloudRunWorld::journal_text() const {
    return read_file(folder / "journal.ndjson").value_or("");
}

} // namespace oa_stream::playbook::testing
