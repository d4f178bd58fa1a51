// A driver of Cloud Run and the fake it drives, in one loop.
#pragma once

#include "cloud_run/cloud_run_driver.hpp"
#include "cloud_run_fake.hpp"
#include "conformance.hpp"

#include <string>
#include <vector>

namespace oa_stream::traffic::testing {

class CloudRunRig : public Machinery {
public:
    CloudRunRig();

    asio::io_context& io() override { return io_; }
    std::unique_ptr<TrafficDriver> driver() override;
    void operator_sets(int canary_percent) override { fake.model.operator_splits(canary_percent); }
    int canary_percent() override { return fake.model.serving()["canary"]; }
    std::string setting() override { return dump_json(fake.model.traffic()); }
    std::size_t writes() override { return static_cast<std::size_t>(fake.count("patch")); }
    void trouble(Trouble trouble) override;
    void canary_ready(bool ready) override { fake.model.revisions["canary"] = ready; }
    bool odd_setting() override;
    bool can_hold() const override { return true; }
    void hold(bool held) override { fake.model.held = held; }

    [[nodiscard]] CloudRunDriverOptions options();

private:
    asio::io_context io_;

public:
    CloudRunFake fake;
    std::unique_ptr<net::HttpClient> client;
    std::string endpoint; ///< of the drivers made from now on: the fake's
    net::TokenSource token; ///< likewise: the first token of the fake, read once
};

} // namespace oa_stream::traffic::testing
