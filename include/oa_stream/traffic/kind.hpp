// One row for each kind of driver. A kind is a folder of this room and a line of table.cpp; whoever
// reads playbooks, plans or writes pages asks the table.
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

/// The two revisions among which the traffic is split, and how pinned probes reach them.
struct Arms {
    std::string stable;
    std::string canary;
    std::string stable_url{}; ///< empty: as the driver says
    std::string canary_url{};

    [[nodiscard]] std::vector<std::string> revisions() const { return {stable, canary}; }
    /// How pinned probes reach it; empty: as the driver says.
    [[nodiscard]] std::string url_of(std::string_view revision) const {
        return revision == stable ? stable_url : revision == canary ? canary_url : std::string();
    }
    /// url_of(), else as TrafficDriver::address(). Where a URL of the playbook leads, nobody knows.
    [[nodiscard]] Result<ArmAddress>
    address_of(std::string_view revision, const TrafficDriver& driver) const {
        const std::string url = url_of(revision);
        return url.empty() ? driver.address(revision) : ArmAddress{url, {}, {}};
    }
};

/// What a driver is made with, beside its settings.
struct DriverParts {
    asio::any_io_executor executor;
    net::HttpClient* client = nullptr; ///< outlives the driver
    Arms arms{};
    std::string users_url{}; ///< where users come in
    Secret token{}; ///< what credential() names; empty: none was given
};

/// What a playbook says about one kind of driver. Immutable once it is read.
class DriverSettings {
public:
    virtual ~DriverSettings() = default;
    DriverSettings() = default;
    DriverSettings(const DriverSettings&) = delete;
    DriverSettings& operator=(const DriverSettings&) = delete;

    /// Code::config for settings of which no driver can be made.
    [[nodiscard]] virtual Result<std::unique_ptr<TrafficDriver>> make(DriverParts parts) const = 0;
    /// One problem each, `where` a key of the playbook.
    [[nodiscard]] virtual std::vector<Error> problems(const Arms& /*arms*/) const { return {}; }
    /// The plan contains it, and plans are distinguished by it.
    [[nodiscard]] virtual Json to_json() const = 0;
    /// What a person types when oa-stream itself cannot bring `split` about; one shell line.
    [[nodiscard]] virtual std::string
    manual_command(const Arms& arms, const Split& split) const = 0;
    /// What may undo or hide a change of this traffic later, one sentence each: a plan warns of it.
    [[nodiscard]] virtual std::vector<std::string>
    cautions(const Arms& /*arms*/, const TrafficState& /*live*/) const {
        return {};
    }
    /// Of the machinery's API.
    [[nodiscard]] virtual std::optional<config::AuthRef> credential() const { return {}; }
    /// No machinery is named: only a playbook that starts its own can use them.
    [[nodiscard]] virtual bool names_none() const noexcept { return false; }
};

struct DriverKind {
    std::string_view name; ///< the value of traffic.driver
    std::span<const config::Key> keys; ///< of the playbook's section, beside the common ones
    /// Empty settings, and the object that `keys` are read into.
    struct Blank {
        std::shared_ptr<DriverSettings> settings;
        void* object = nullptr;
    };
    Blank (*blank)() = nullptr;
    /// Settings that are programs. Shipped playbooks call one program, with the setting's name as
    /// its only argument.
    std::span<const std::string_view> programs{};
    bool plain_playbooks = false; ///< shipped as "rollback", not as "rollback-" and its name
};
template <class Settings> DriverKind::Blank blank_settings() {
    auto settings = std::make_shared<Settings>();
    return {settings, settings.get()};
}

[[nodiscard]] std::span<const DriverKind* const> driver_kinds() noexcept;
/// nullptr for an unknown name.
[[nodiscard]] const DriverKind* driver_kind(std::string_view name) noexcept;

} // namespace oa_stream::traffic
