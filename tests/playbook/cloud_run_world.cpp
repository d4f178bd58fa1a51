#include "cloud_run_world.hpp"

#include "oa_stream/base/file.hpp"

#include "run_task.hpp"

#include <catch2/catch.hpp>

namespace oa_stream::playbook::testing {

Task<std::vector<Check>> ServedInstruments::smoke(SmokeSpec spec) {
    Check check;
    check.id = spec.id + ".happy";
    check.verdict = Verdict::pass;
    check.detail = "as told";
    co_return std::vector{check};
}

Result<void>
ServedInstruments::start_flow(FlowRates rates, std::function<void(measure::Sample)> on_sample) {
    const int share = model_.serving()["canary"];
    const bool bad = percent_ == bad_at;
    for (int i = 0; i < 100; ++i) {
        const measure::Sample good{
            .arm = "stable", .revision = "stable", .outcome = "ok", .first_content_s = 0.1
        };
        if (rates.stable > 0) {
            on_sample(good);
        }
        measure::Sample canary = good;
        canary.arm = canary.revision = "canary";
        canary.bad = bad && i % 2 == 0;
        on_sample(canary);
        measure::Sample user = good;
        user.arm = "users";
        user.revision = i * share / 100 != (i + 1) * share / 100 ? "canary" : "stable";
        if (rates.users > 0) {
            on_sample(user);
        }
    }
    return {};
}

Task<void> ServedInstruments::stop_flow(Millis) {
    co_return;
}
Result<void> ServedInstruments::start_watch(double, std::function<void(measure::Sample)>) {
    return {};
}
Task<void> ServedInstruments::stop_watch(Millis) {
    co_return;
}

Task<measure::Sample> ServedInstruments::fresh_probe() {
    const auto serving = model_.serving();
    measure::Sample sample;
    sample.arm = "users";
    sample.revision = serving.contains("stable") && serving.at("stable") > 0 ? "stable" : "canary";
    sample.first_content_s = 0.01;
    co_return sample;
}

Task<Result<std::string>> ServedInstruments::begin_stage(int percent) {
    percent_ = percent;
    if (on_stage) {
        on_stage(percent);
    }
    co_return percent == bad_at ? "fault" : "";
}

CloudRunWorld::CloudRunWorld()
    : fake(io), client(net::HttpClient::make(io.get_executor())), instruments(fake.model),
      token(traffic::kept_token(Secret("token-1"))) {
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
