// One row for each kind of source. A kind is a folder of this room and a line of table.cpp; whoever
// reads playbooks, judges gates or writes pages asks the table.
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

/// What a source is opened with, beside its settings.
struct SourceParts {
    asio::any_io_executor executor;
    net::HttpClient* client = nullptr; ///< outlives the source
    Secret secret{}; ///< what credential() names; empty: none was given
    /// A question may be repeated and take three timeouts. False: its timeout is all it has.
    bool patient = false;
    net::Headers headers{}; ///< what SourceSettings::headers() says, with its secrets
    std::vector<Secret> hidden{}; ///< values of them that no message may carry
};

/// What a command line says of a source; each kind takes its part.
struct SourceFlags {
    std::vector<std::string> places{}; ///< a URL, or files
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
    std::vector<std::string> headers{}; ///< sent besides those of a playbook
};
/// Of the key that both kinds of users' requests have.
inline constexpr std::string_view k_include_probes_help =
    "Also count the requests of probes (header `x-oa-probe`); they are left out if absent.";

/// Numbers that somebody typed.
struct StatedNumbers {
    bool enough_to_apply = false; ///< enough for a live apply
    std::string reason{}; ///< where they were looked up
    /// Canary and stable's counts by signal ("auth_errors"), for gates on spikes.
    std::map<std::string, EventReading, std::less<>> readings{};
};

/// How a source counts the events of one signal ("auth_errors"): PromQL with placeholders.
struct SignalQuery {
    std::string signal{};
    std::string events{};
    std::string requests{}; ///< among which; empty: the lane's turn requests
};

/// What a playbook or a command line says about one source.
class SourceSettings {
public:
    virtual ~SourceSettings() = default;
    SourceSettings() = default;
    SourceSettings(const SourceSettings&) = delete;
    SourceSettings& operator=(const SourceSettings&) = delete;

    [[nodiscard]] virtual const SourceKind& kind() const noexcept = 0;
    /// The plan contains it, and plans are distinguished by it.
    [[nodiscard]] virtual Json to_json() const = 0;
    /// One problem each, `where` a key below the source's own; empty: the source itself.
    [[nodiscard]] virtual std::vector<Error> problems() const { return {}; }
    /// Where it is: "http://127.0.0.1:9090", "a.log, b.log"; empty: nowhere.
    [[nodiscard]] virtual std::string place() const { return {}; }
    [[nodiscard]] virtual std::optional<config::AuthRef> credential() const { return {}; }
    /// Lines "Name: value" to be sent; a secret as a reference.
    [[nodiscard]] virtual std::vector<std::string> headers() const { return {}; }
    virtual void change(const SourceFlags& flags);
    /// Code::usage for settings of which no source can be made.
    [[nodiscard]] virtual Result<std::unique_ptr<Source>> open(SourceParts parts) const;
    /// Signals that it counts by queries of its own.
    [[nodiscard]] virtual std::vector<SignalQuery> signals() const { return {}; }
    /// It was asked to count the requests of probes beside those of users.
    [[nodiscard]] virtual bool counts_probes() const noexcept { return false; }
    /// nullptr: nothing is stated, it measures.
    [[nodiscard]] virtual const StatedNumbers* stated() const noexcept { return nullptr; }
};
using SettingsPtr = std::shared_ptr<SourceSettings>;

/// Whose requests a source counts.
enum class Counted {
    probes, ///< the run's own
    users,
    stated, ///< nobody's: numbers that somebody typed
};

struct SourceKind {
    config::Key key; ///< one element of `sources`; it is read into a SettingsPtr
    Counted counted = Counted::users;
    /// Key that names its place. Empty: it needs none, and is there whether it is named or not.
    std::string_view place{};
    bool is_server = false; ///< asked over HTTP: series have labels, calls a credential and a limit
    /// Whether a gate that names no source can be left to it.
    bool (*measures)(const GateSpec& gate) = nullptr;
    /// Why a gate that names it would never be decided; `where` a key of the gate.
    std::optional<Error> (*refusal)(const GateSpec& gate) = nullptr;
    SettingsPtr (*blank)() = nullptr;

    [[nodiscard]] constexpr std::string_view name() const noexcept { return key.name; }
};
template <class Settings> SettingsPtr blank_source() {
    return std::make_shared<Settings>();
}
/// The row of a kind whose settings `Table` describes.
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
/// The gate's source cannot decide it; `hint` names what can.
[[nodiscard]] inline Error wrong_source(std::string message, std::string hint) {
    return {Code::config, std::move(message), "source", std::move(hint)};
}
/// For kinds that count requests one by one: a rate needs to know which endings are bad.
[[nodiscard]] std::optional<Error> needs_events(const GateSpec& gate);

[[nodiscard]] std::span<const SourceKind* const> source_kinds() noexcept;
/// nullptr for an unknown name.
[[nodiscard]] const SourceKind* source_kind(std::string_view name) noexcept;
/// Settings of a kind that exists, as a command line says them.
[[nodiscard]] SettingsPtr source_settings(std::string_view name, const SourceFlags& flags);

} // namespace oa_stream::measure
