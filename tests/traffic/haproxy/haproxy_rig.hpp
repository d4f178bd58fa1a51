// The real HAProxy, driven through a relay that breaks what passes.
#pragma once

#include "oa_stream/base/child.hpp"

#include "conformance.hpp"
#include "fault_relay.hpp"
#include "haproxy/haproxy_driver.hpp"
#include "rig.hpp"
#include "temp_folder.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::traffic::testing {

/// HAProxy 2.6 as ./dev unpacks it: OA_PROXIES, .cache/proxies, or the machine's own. Throws when
/// there is none: what is not tested must not look as if it were.
[[nodiscard]] std::filesystem::path haproxy_program();

struct HaproxyRigOptions {
    std::string balance = "roundrobin";
    std::string stable = "weight 100"; ///< what follows the address in its `server` line
    std::string canary = "weight 0";
    std::string more{};  ///< further lines of the backend
    bool checked = true; ///< health checks every 50 ms
    std::string state_file{}; ///< loaded at start
};

class HaproxyRig final : public Machinery {
public:
    explicit HaproxyRig(HaproxyRigOptions options = {});
    ~HaproxyRig() override;

    asio::io_context& io() override { return io_; }
    std::unique_ptr<TrafficDriver> driver() override;
    [[nodiscard]] HaproxyDriverOptions driver_options() const;
    void operator_sets(int canary) override;
    int canary_percent() override;
    std::string setting() override;
    std::size_t writes() override { return relay_->writes(); }
    void trouble(Trouble trouble) override;
    void canary_ready(bool ready) override;
    bool odd_setting() override;

    /// Past the relay, on the admin socket.
    std::string command(std::string_view line);
    /// One request through the frontend; the answer's body is the backend's name.
    net::ClientResponse request(std::string_view path = "/");
    /// A new process, as a reload makes it: counters and weights as in the file, or as saved.
    void reload();
    [[nodiscard]] FaultRelay& relay() { return *relay_; }
    [[nodiscard]] std::filesystem::path folder() const { return folder_; }

    void stop();
    FakeBackend& stable() { return *stable_; }
    FakeBackend& canary() { return *canary_; }

private:
    void start();
    void write_config();

    asio::io_context io_;
    HaproxyRigOptions options_;
    test::TempFolder own_{};
    std::filesystem::path folder_ = own_.path;
    std::unique_ptr<net::HttpClient> client_;
    std::unique_ptr<FakeBackend> stable_;
    std::unique_ptr<FakeBackend> canary_;
    std::unique_ptr<FaultRelay> relay_;
    std::unique_ptr<Child> child_;
    bool canary_healthy_ = true;
};

} // namespace oa_stream::traffic::testing
