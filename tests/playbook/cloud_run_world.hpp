// A whole run against the strict fake of Cloud Run: the real engine and the real driver, probes
// that answer at once by what the fake serves.
#pragma once

#include "cloud_run/cloud_run_driver.hpp"
#include "cloud_run_fake.hpp"
#include "engine/run_plan.hpp"
#include "temp_folder.hpp"

#include <boost/asio/io_context.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace oa_stream::playbook::testing {

class ServedInstruments final : public Instruments {
public:
    explicit ServedInstruments(traffic::testing::CloudRunModel& model) : model_(model) {}
    [[nodiscard]] Task<std::vector<Check>> smoke(SmokeSpec spec) override;
    // Nothing here compares two revisions or makes a conversation.
    [[nodiscard]] Task<std::vector<Check>> shadow(ShadowSpec /*spec*/, std::string id) override {
        co_return std::vector{Check{.id = std::move(id)}};
    }
    [[nodiscard]] Task<Check>
    continuity(Through /*from*/, Through /*to*/, std::string id) override {
        co_return Check{.id = std::move(id)};
    }
    [[nodiscard]] Task<Check>
    conversations_kept(bool /*back*/, std::string id, probe::ReadPace /*pace*/) override {
        co_return Check{.id = std::move(id)};
    }
    [[nodiscard]] Task<Check>
    conversations_whole(std::string id, probe::ReadPace /*pace*/) override {
        co_return Check{.id = std::move(id)};
    }
    [[nodiscard]] Task<probe::Removal> remove_conversations(probe::RemovePace /*pace*/) override {
        co_return probe::Removal{};
    }
    [[nodiscard]] Result<void>
    start_flow(FlowRates rates, std::function<void(measure::Sample)> on_sample) override;
    [[nodiscard]] Task<void> stop_flow(Millis limit) override;
    [[nodiscard]] Result<void>
    start_watch(double per_s, std::function<void(measure::Sample)> on_sample) override;
    [[nodiscard]] Task<void> stop_watch(Millis limit) override;
    [[nodiscard]] Task<measure::Sample> fresh_probe() override;
    [[nodiscard]] Task<Result<std::string>> begin_stage(int percent) override;
    void write_pending() override {}

    int bad_at = -1; ///< the stage at which the canary fails
    std::function<void(int percent)> on_stage{};

private:
    traffic::testing::CloudRunModel& model_;
    int percent_ = 0;
};

class CloudRunWorld {
public:
    CloudRunWorld();

    RunOutcome run();
    /// The answer to the nth write, from 1.
    void nth_write(int number, traffic::testing::Fault fault);
    [[nodiscard]] std::string journal_text() const;
    [[nodiscard]] int writes() const { return fake.count("patch"); }

    asio::io_context io;
    traffic::testing::CloudRunFake fake;
    std::unique_ptr<net::HttpClient> client;
    ServedInstruments instruments;
    traffic::TokenSource token;
    Playbook playbook;
    StopRequest stop;
    test::TempFolder own;
    std::filesystem::path state = own.path;
    std::filesystem::path folder;
};

} // namespace oa_stream::playbook::testing
