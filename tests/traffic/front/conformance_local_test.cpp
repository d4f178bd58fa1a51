#include "oa_stream/traffic/local_driver.hpp"

#include "conformance.hpp"
#include "fault_relay.hpp"
#include "rig.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace oa_stream;
using namespace oa_stream::traffic;
using namespace oa_stream::traffic::testing;

namespace {

/// A front door between two backends, driven through a relay that breaks what passes.
class LocalMachinery final : public Machinery {
public:
    LocalMachinery()
        : rig_(
              {{"stable", 100}, {"canary", 0}},
              {.path = "/readyz", .interval = Millis(30), .fall = 1}
          ),
          relay_(
              rig_.io,
              (rig_.folder / "relay.sock").string(),
              (rig_.folder / "admin.sock").string(),
              [](std::string_view request) { return request.starts_with("PUT "); }
          ) {}

    asio::io_context& io() override { return rig_.io; }
    std::unique_ptr<TrafficDriver> driver() override {
        return make_local_driver(
            *rig_.client,
            {.admin_socket = relay_.path(),
             .base_url = rig_.front_url(),
             .revisions = {"stable", "canary"},
             .call_timeout = Millis(400)}
        );
    }
    void operator_sets(int canary) override {
        rig_.weigh(static_cast<std::uint32_t>(100 - canary), static_cast<std::uint32_t>(canary));
    }
    int canary_percent() override {
        return static_cast<int>(100 * weight(1) / (weight(0) + weight(1)));
    }
    std::string setting() override { return fmt::format("{}:{}", weight(0), weight(1)); }
    std::size_t writes() override { return relay_.writes(); }
    bool knows(Trouble trouble) const override {
        return trouble != Trouble::denied; // the mode of the socket's file is all there is
    }
    void trouble(Trouble trouble) override { relay_.trouble(trouble); }
    void canary_ready(bool ready) override {
        rig_.canary.answer = [ready](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
            (void)co_await exchange->respond({ready ? 200 : 503, {}, ""});
        };
    }
    bool odd_setting() override {
        rig_.weigh(40, 10);
        return true;
    }

private:
    std::uint32_t weight(std::size_t backend) const {
        return rig_.front->state().at("backends").at(backend).at("weight").get<std::uint32_t>();
    }
    Rig rig_;
    FaultRelay relay_;
};

} // namespace

TEST_CASE("driver conformance: local") {
    check_conformance([] { return std::make_unique<LocalMachinery>(); });
}
