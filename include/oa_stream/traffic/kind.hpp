// One row for each kind of driver. A kind is a folder of this room and a line of table.cpp; code
// that reads playbooks, plans or renders pages looks kinds up in the table.
#pragma once

#include "oa_stream/config/values.hpp"
#include "oa_stream/net/http_client.hpp"
#include "oa_stream/traffic/driver.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace oa_stream::traffic {

/// The two revisions that share the traffic, and how pinned probes reach them.
struct Arms {
    std::string stable;
    std::string canary;
    std::string stable_url{}; ///< empty: determined by the driver
    std::string canary_url{};

    [[nodiscard]] std::vector<std::string> revisions() const { return {stable, canary}; }
    /// The address for pinned probes; empty: determined by the driver.
    [[nodiscard]] std::string url_of(std::string_view revision) const {
        return revision == stable ? stable_url : revision == canary ? canary_url : std::string();
    }
    /// url_of(), otherwise TrafficDriver::address(). For a URL of the playbook it is unknown
    /// whether it bypasses the machinery.
    [[nodiscard]] Result<ArmAddress>
    address_of(std::string_view revision, const TrafficDriver& driver) const {
        const std::string url = url_of(revision);
        return url.empty() ? driver.address(revision) : ArmAddress{url, {}, {}};
    }
};

/// What a driver needs in addition to its settings.
struct DriverParts {
    asio::any_io_executor executor;
    net::HttpClient* client = nullptr; ///< outlives the driver
    Arms arms{};
    std::string users_url{}; ///< the address that users connect to
    Secret token{}; ///< the secret that credential() names; empty: none was given
};

/// A playbook's settings for one kind of driver. Immutable after reading.
class DriverSettings {
public:
    virtual ~DriverSettings() = default;
    DriverSettings() = default;
    DriverSettings(const DriverSettings&) = delete;
    DriverSettings& operator=(const DriverSettings&) = delete;

    /// Code::config for settings from which no driver can be made.
    [[nodiscard]] virtual Result<std::unique_ptr<TrafficDriver>> make(DriverParts parts) const = 0;
    /// One error per problem; `where` is a key of the playbook.
    [[nodiscard]] virtual std::vector<Error> problems(const Arms& /*arms*/) const { return {}; }
    /// Part of the plan, and of what distinguishes two plans.
    [[nodiscard]] virtual Json to_json() const = 0;
    /// The shell line with which an operator sets `split` when oa-stream itself cannot.
    [[nodiscard]] virtual std::string
    manual_command(const Arms& arms, const Split& split) const = 0;
    /// What may later undo or hide a change of this traffic, one sentence each, as warnings of a
    /// plan.
    [[nodiscard]] virtual std::vector<std::string>
    cautions(const Arms& /*arms*/, const TrafficState& /*live*/) const {
        return {};
    }
    /// For the machinery's API.
    [[nodiscard]] virtual std::optional<config::AuthRef> credential() const { return {}; }
    /// No machinery is named: only a playbook that starts its own can use these settings.
    [[nodiscard]] virtual bool names_none() const noexcept { return false; }
};

struct DriverKind {
    std::string_view name; ///< the value of traffic.driver
    /// Keys of the playbook's section, in addition to the common ones.
    std::span<const config::Key> keys;
    /// Empty settings, and the object that `keys` are read into.
    struct Blank {
        std::shared_ptr<DriverSettings> settings;
        void* object = nullptr;
    };
    Blank (*blank)() = nullptr;
    /// Settings that are programs. Shipped playbooks call one program, with the setting's name as
    /// its only argument.
    std::span<const std::string_view> programs{};
    bool plain_playbooks = false; ///< shipped as "rollback", not as "rollback-NAME"
};
template <class Settings> DriverKind::Blank blank_settings() {
    auto settings = std::make_shared<Settings>();
    return {settings, settings.get()};
}

[[nodiscard]] std::span<const DriverKind* const> driver_kinds() noexcept;
/// nullptr for an unknown name.
[[nodiscard]] const DriverKind* driver_kind(std::string_view name) noexcept;

} // namespace oa_stream::traffic
