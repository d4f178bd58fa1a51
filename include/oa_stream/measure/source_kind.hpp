// One row for each kind of source. A kind is a folder of this room and a line of table.cpp; code
// that reads playbooks, judges gates or renders pages looks kinds up in the table.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/base/secret.hpp"
#include "oa_stream/config/values.hpp"
#include "oa_stream/measure/gate.hpp"
#include "oa_stream/measure/source.hpp"
#include "oa_stream/net/http_client.hpp"

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::measure {

struct SourceKind;

/// What a source needs to be opened, beside its settings.
struct SourceParts {
    asio::any_io_executor executor;
    net::HttpClient* client = nullptr; ///< outlives the source
    Secret secret{}; ///< the secret that credential() names; empty: none was given
    /// True: a question may be retried and take three timeouts. False: it has a single timeout.
    bool patient = false;
    net::Headers headers{}; ///< the headers of SourceSettings::headers(), with secrets filled in
    std::vector<Secret> hidden{}; ///< header values that must not appear in any message
};

/// A source's settings from a command line; each kind uses the ones that it has.
struct SourceFlags {
    std::vector<std::string> places{}; ///< one URL, or files
    std::optional<config::AuthRef> auth{};
    std::optional<std::string> user{};
    std::optional<std::string> ca{};
    std::optional<std::string> matchers{};
    std::optional<std::string> revision_label{};
    std::optional<Millis> stale_after{};
    std::optional<Millis> timeout{};
    bool include_probes = false;
    std::optional<std::string> cert{};
    std::optional<std::string> key{};
    std::vector<std::string> headers{}; ///< added to those of a playbook
};
/// Help of the key that both kinds of sources of users' requests have.
inline constexpr std::string_view k_include_probes_help =
    "Also count the requests of probes (header `x-oa-probe`); they are left out if absent.";

/// Numbers stated by a person.
struct StatedNumbers {
    bool enough_to_apply = false; ///< they suffice for a live apply
    std::string reason{}; ///< where the person looked them up
    /// Canary and stable's counts by signal ("auth_errors"), for gates on spikes.
    std::map<std::string, EventReading, std::less<>> readings{};
};

/// How a source counts the events of one signal ("auth_errors"): PromQL with placeholders.
struct SignalQuery {
    std::string signal{};
    std::string events{};
    std::string requests{}; ///< the number of requests; empty: the lane's turn requests
};

/// The settings of one source, from a playbook or a command line.
class SourceSettings {
public:
    virtual ~SourceSettings() = default;
    SourceSettings() = default;
    SourceSettings(const SourceSettings&) = delete;
    SourceSettings& operator=(const SourceSettings&) = delete;

    [[nodiscard]] virtual const SourceKind& kind() const noexcept = 0;
    /// Part of the plan, and of what distinguishes two plans.
    [[nodiscard]] virtual Json to_json() const = 0;
    /// One error per problem; `where` is a key below the source's own, empty for the source itself.
    [[nodiscard]] virtual std::vector<Error> problems() const { return {}; }
    /// The source's location: "http://127.0.0.1:9090", "a.log, b.log"; empty: none.
    [[nodiscard]] virtual std::string place() const { return {}; }
    [[nodiscard]] virtual std::optional<config::AuthRef> credential() const { return {}; }
    /// Extra request headers "Name: value"; a secret is a reference.
    [[nodiscard]] virtual std::vector<std::string> headers() const { return {}; }
    virtual void change(const SourceFlags& flags);
    /// Code::usage for settings from which no source can be opened.
    [[nodiscard]] virtual Result<std::unique_ptr<Source>> open(SourceParts parts) const;
    /// Signals that it counts by its own queries.
    [[nodiscard]] virtual std::vector<SignalQuery> signals() const { return {}; }
    /// Configured to count the requests of probes together with those of users.
    [[nodiscard]] virtual bool counts_probes() const noexcept { return false; }
    /// nullptr: the source measures, nothing is stated.
    [[nodiscard]] virtual const StatedNumbers* stated() const noexcept { return nullptr; }
};
using SettingsPtr = std::shared_ptr<SourceSettings>;

/// Whose requests a source counts.
enum class Counted {
    probes, ///< the run's own
    users,
    stated, ///< numbers stated by a person
};

struct SourceKind {
    config::Key key; ///< one element of `sources`; its value is read into a SettingsPtr
    Counted counted = Counted::users;
    /// Key that gives its location. Empty: the kind needs none and is always available.
    std::string_view place{};
    bool is_server = false; ///< queried over HTTP: it has labels, a credential and a time limit
    /// Whether it can judge a gate that names no source.
    bool (*measures)(const GateSpec& gate) = nullptr;
    /// Why a gate that names this source could never be decided; `where` is a key of the gate.
    std::optional<Error> (*refusal)(const GateSpec& gate) = nullptr;
    SettingsPtr (*blank)() = nullptr;

    [[nodiscard]] constexpr std::string_view name() const noexcept { return key.name; }
};
template <class Settings> SettingsPtr blank_source() {
    return std::make_shared<Settings>();
}
/// The key of a kind whose settings `Table` describes.
template <class Settings, const config::Section<Settings>& Table>
constexpr config::Key source_key(std::string_view name, std::string_view help) {
    config::Key out{.name = name, .type = config::Type::section, .help = help, .section = &Table};
    out.read = [](const config::Node& node, void* owner) {
        auto settings = std::make_shared<Settings>();
        config::read_section(node, Table, *settings);
        *static_cast<SettingsPtr*>(owner) = std::move(settings);
    };
    return out;
}
/// Error for a gate that its source cannot decide; `hint` names a source that can.
[[nodiscard]] inline Error wrong_source(std::string message, std::string hint) {
    return {Code::config, std::move(message), "source", std::move(hint)};
}
/// For kinds that count single requests: a rate gate must name the endings that are bad.
[[nodiscard]] std::optional<Error> needs_events(const GateSpec& gate);

[[nodiscard]] std::span<const SourceKind* const> source_kinds() noexcept;
/// nullptr for an unknown name.
[[nodiscard]] const SourceKind* source_kind(std::string_view name) noexcept;
/// Settings of an existing kind, with a command line's flags applied.
[[nodiscard]] SettingsPtr source_settings(std::string_view name, const SourceFlags& flags);

} // namespace oa_stream::measure
