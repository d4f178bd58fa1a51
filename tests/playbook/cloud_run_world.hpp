// A whole run against the strict fake of Cloud Run: the real engine and the real driver, probes
// that answer at once by what the fake serves.
#pragma once

#include "cloud_run/cloud_run_driver.hpp"
#include "cloud_run_fake.hpp"
#include "world.hpp"

#include <boost/asio/io_context.hpp>

#include <filesystem>
#include <memory>
#include <string>

namespace oa_stream::playbook::testing {

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
    FakeInstruments instruments{[this] { return fake.model.serving()["canary"]; }};
    net::TokenSource token;
    Playbook playbook;
    StopRequest stop;
    test::TempFolder own;
    std::filesystem::path state = own.path;
    std::filesystem::path folder;
};

} // namespace oa_stream::playbook::testing
