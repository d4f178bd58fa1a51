#include "haproxy_driver.hpp"
#include "haproxy_view.hpp"

#include <fmt/format.h>

namespace oa_stream::traffic {
namespace {

using namespace config;

struct HaproxySettings final : DriverSettings {
    std::string socket{}; ///< path of the stats socket, or host:port
    std::string backend{};
    std::string stable_server{}; ///< empty: the revision's name
    std::string canary_server{};
    std::string state_file{}; ///< empty: none is written

    [[nodiscard]] const std::string& stable_name(const Arms& arms) const {
        return stable_server.empty() ? arms.stable : stable_server;
    }
    [[nodiscard]] const std::string& canary_name(const Arms& arms) const {
        return canary_server.empty() ? arms.canary : canary_server;
    }

    [[nodiscard]] Result<std::unique_ptr<TrafficDriver>> make(DriverParts parts) const override {
        const Arms& arms = parts.arms;
        return make_haproxy_driver(
            {.socket = socket,
             .backend = backend,
             .servers = {{arms.stable, stable_name(arms)}, {arms.canary, canary_name(arms)}},
             .state_file = state_file}
        );
    }
    [[nodiscard]] std::vector<Error> problems(const Arms& arms) const override {
        if (const auto checked = check_socket("traffic.socket", socket); !checked) {
            return {checked.error()};
        }
        // If two revisions are one server no weight can make a split.
        if (const std::string& server = stable_name(arms);
            !server.empty() && server == canary_name(arms) && arms.stable != arms.canary) {
            return {
                {Code::config,
                 fmt::format("both revisions are server '{}' of backend {}", server, backend),
                 "traffic",
                 "set stable_server or canary_server"}
            };
        }
        return {};
    }
    [[nodiscard]] std::vector<std::string>
    cautions(const Arms& /*arms*/, const TrafficState& /*live*/) const override {
        if (!state_file.empty()) {
            return {};
        }
        return {"a reload of HAProxy resets the weights to its file's, which undoes a cutover or a "
                "rollback: set state_file, and let HAProxy load that file (docs/haproxy.md, Reload)"
        };
    }
    [[nodiscard]] Json to_json() const override {
        return {
            {"socket", socket},
            {"backend", backend},
            {"stable_server", stable_server},
            {"canary_server", canary_server},
            {"state_file", state_file},
        };
    }
    [[nodiscard]] std::string manual_command(const Arms& arms, const Split& split) const override {
        return typed_to(
            socket,
            fmt::format(
                "set server {0}/{1} state ready; set server {0}/{1} weight {2}; "
                "set server {0}/{3} weight {4}",
                backend,
                stable_name(arms),
                split.percent_of(arms.stable),
                canary_name(arms),
                split.percent_of(arms.canary)
            )
        );
    }
};

constexpr auto k_keys = keys<HaproxySettings>(
    text<&HaproxySettings::socket>(
        "socket", Need::required, "HAProxy's stats socket: a path, or HOST:PORT."
    ),
    text<&HaproxySettings::backend>("backend", Need::required, "Backend with both servers."),
    text<&HaproxySettings::stable_server>(
        "stable_server", Need::optional, "Server of the stable revision, when called otherwise."
    ),
    text<&HaproxySettings::canary_server>(
        "canary_server", Need::optional, "Server of the canary, when called otherwise."
    ),
    text<&HaproxySettings::state_file>(
        "state_file",
        Need::optional,
        "Server state file to write after each shift; without one a reload undoes it."
    )
);

} // namespace

extern constinit const DriverKind
    k_haproxy{.name = "haproxy", .keys = k_keys, .blank = blank_settings<HaproxySettings>};

} // namespace oa_stream::traffic
