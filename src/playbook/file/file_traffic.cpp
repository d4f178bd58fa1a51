// Keys of target and traffic.
#include "oa_stream/base/text.hpp"

#include "file_keys.hpp"

#include <fmt/format.h>

namespace oa_stream::playbook::file {
namespace {

using namespace config;

constexpr std::array<std::string_view, 4> k_drivers{"local", "haproxy", "cloud-run", "command"};
constexpr std::uint32_t k_local = 1U << 0U;
constexpr std::uint32_t k_haproxy = 1U << 1U;
constexpr std::uint32_t k_cloud_run = 1U << 2U;
constexpr std::uint32_t k_command = 1U << 3U;

// auth
// ---------------------------------------------------------------------------------------------

constexpr std::array<std::string_view, 3> k_auth_forms{"env", "file", "fd"};
constexpr auto k_auth_keys = keys<AuthDraft>(
    text<&AuthDraft::env>("env", Need::optional, "Environment variable that holds it."),
    text<&AuthDraft::file>("file", Need::optional, "File that holds it, mode 0600 or stricter."),
    count<&AuthDraft::fd, 0, 1023>("fd", Need::optional, "Open file descriptor to read it from."),
    boolean<&AuthDraft::required>(
        "required", Need::optional, "`false`: go on without when it is not there."
    )
        .or_else("true")
);

template <class T> void auth_into(const Node& node, T& out) {
    out.auth = read_auth(node);
}

// target
// -------------------------------------------------------------------------------------------

constexpr auto k_compat_keys = keys<CompatSpec>(
    text<&CompatSpec::build>("build", Need::required, "`x-oa-client-build-id`."),
    text<&CompatSpec::protocol>("protocol", Need::required, "`x-oa-protocol-version`."),
    text<&CompatSpec::schema>("schema", Need::required, "`x-oa-schema-version`.")
);
constinit const Section<CompatSpec> k_compat{
    {"compat", "The compatibility headers that probes and smokes send.", k_compat_keys}
};

constexpr auto k_target_keys = keys<Target>(
    phrase<&Target::base_url, read_url>(
        "base_url",
        Need::optional,
        "The lane as users reach it. Needed unless the playbook is a "
        "rehearsal, which brings its own lanes."
    ),
    phrase<&Target::control_url, read_url>(
        "control_url", Need::optional, "The control surface, when it is not at `base_url`."
    ),
    custom<Target, auth_into<Target>>(
        Type::section, "auth", Need::optional, "Whose credential probes send.", &k_auth
    ),
    text<&Target::revision_header>(
        "revision_header", Need::optional, "Response header that names who answered."
    )
        .or_else("x-oa-revision"),
    section<&Target::compat, k_compat>(
        "compat", Need::optional, "Compatibility headers to send; the probes' own if absent."
    ),
    text<&Target::prompt>("prompt", Need::optional, "What probes and smokes ask.")
);

// traffic
// ------------------------------------------------------------------------------------------

void local_base(const Node& node, TrafficDraft& out) {
    out.local.base_url = read_url(node).value_or("");
}
void stable_url(const Node& node, TrafficDraft& out) {
    out.stable_url = read_url(node).value_or("");
}
void canary_url(const Node& node, TrafficDraft& out) {
    out.canary_url = read_url(node).value_or("");
}
void endpoint(const Node& node, TrafficDraft& out) {
    out.cloud.endpoint = read_url(node).value_or("");
    out.command.endpoint = out.cloud.endpoint;
}
void cloud_auth(const Node& node, TrafficDraft& out) {
    out.cloud.auth = read_auth(node);
}
/// A text of one of the drivers' own structs.
template <auto Part, auto Member> void part_text(const Node& node, TrafficDraft& out) {
    if (auto value = node.text()) {
        (out.*Part).*Member = *std::move(value);
    }
}
template <auto Member> void program(const Node& node, TrafficDraft& out) {
    if (auto value = config::detail::texts_of(node)) {
        out.command.*Member = *std::move(value);
    }
}
void timeout(const Node& node, TrafficDraft& out) {
    out.command.timeout = node.duration().value_or(out.command.timeout);
}

template <auto Member>
constexpr auto haproxy(std::string_view name, Need need, std::string_view help) {
    return custom<TrafficDraft, part_text<&TrafficDraft::haproxy, Member>>(
               Type::text, name, need, help
    )
        .in(k_haproxy);
}
template <auto Member> constexpr auto cloud(std::string_view name, std::string_view help) {
    return custom<TrafficDraft, part_text<&TrafficDraft::cloud, Member>>(
               Type::text, name, Need::required, help
    )
        .in(k_cloud_run);
}

constexpr auto k_traffic_keys = keys<TrafficDraft>(
    word_text<&TrafficDraft::driver, k_drivers>(
        "driver", Need::required, "What moves the traffic."
    ),
    text<&TrafficDraft::stable>("stable", Need::required, "Revision that serves now."),
    text<&TrafficDraft::canary>("canary", Need::required, "Revision that is to serve."),
    custom<TrafficDraft, stable_url>(
        Type::phrase,
        "stable_url",
        Need::optional,
        "How pinned probes reach the stable revision, when the driver cannot tell."
    ),
    custom<TrafficDraft, canary_url>(
        Type::phrase, "canary_url", Need::optional, "The same for the canary."
    ),
    text<&TrafficDraft::socket>(
        "socket",
        Need::optional,
        "Admin socket of the front door, or HAProxy's stats socket (a path, or HOST:PORT). A "
        "rehearsal without one brings its own front door."
    )
        .in(k_local | k_haproxy),
    custom<TrafficDraft, local_base>(
        Type::phrase,
        "base_url",
        Need::optional,
        "The front door itself; `target.base_url` if "
        "absent."
    )
        .in(k_local),
    haproxy<&HaproxyTraffic::backend>("backend", Need::required, "Backend with both servers."),
    haproxy<&HaproxyTraffic::stable_server>(
        "stable_server", Need::optional, "Server of the stable revision, when called otherwise."
    ),
    haproxy<&HaproxyTraffic::canary_server>(
        "canary_server", Need::optional, "Server of the canary, when called otherwise."
    ),
    haproxy<&HaproxyTraffic::state_file>(
        "state_file",
        Need::optional,
        "Server state file to write after each shift; without one a reload undoes it."
    ),
    custom<TrafficDraft, endpoint>(
        Type::phrase,
        "endpoint",
        Need::optional,
        "Where the platform's API is; a command gets it as OA_STREAM_ENDPOINT."
    )
        .in(k_cloud_run | k_command),
    cloud<&CloudRunTraffic::project>("project", "Project of the service."),
    cloud<&CloudRunTraffic::region>("region", "Region of the service."),
    cloud<&CloudRunTraffic::service>("service", "The service whose traffic is split."),
    custom<TrafficDraft, cloud_auth>(
        Type::section,
        "auth",
        Need::optional,
        "Token for the platform's API; the metadata server's if absent.",
        &k_auth
    )
        .in(k_cloud_run),
    custom<TrafficDraft, program<&CommandTraffic::read>>(
        Type::texts,
        "read",
        Need::required,
        "Program and arguments that print the split as JSON. Never run by a shell."
    )
        .in(k_command),
    custom<TrafficDraft, program<&CommandTraffic::set>>(
        Type::texts, "set", Need::required, "Program that gets the wanted split as JSON on stdin."
    )
        .in(k_command),
    custom<TrafficDraft, program<&CommandTraffic::preview>>(
        Type::texts,
        "preview",
        Need::optional,
        "Program that says whether a split is possible, changing nothing."
    )
        .in(k_command),
    custom<TrafficDraft, timeout>(
        Type::duration, "timeout", Need::optional, "How long one call may take."
    )
        .or_else("30s")
        .in(k_command)
);

} // namespace

constinit const Section<AuthDraft> k_auth{
    {.name = "auth",
     .help = "Where a credential comes from, never the credential itself: exactly one of env, file "
             "and fd.",
     .keys = k_auth_keys,
     .exactly_one = k_auth_forms}
};
constinit const Section<Target> k_target{
    {"target", "Whom users talk to, and how probes introduce themselves.", k_target_keys}
};
constinit const Section<TrafficDraft> k_traffic{
    {"traffic", "What moves the traffic between two revisions.", k_traffic_keys, "driver", k_drivers
    }
};

bool has(const Node& node, std::string_view key) {
    for (const config::YamlEntry& entry : node.yaml().entries) {
        if (entry.key == key) {
            return true;
        }
    }
    return false;
}

std::optional<AuthRef> read_auth(const Node& node) {
    AuthDraft draft;
    read_section(node, k_auth, draft);
    AuthRef out{.required = draft.required};
    if (!draft.env.empty()) {
        out.reference = "env:" + draft.env;
    } else if (!draft.file.empty()) {
        out.reference = "file:" + draft.file;
    } else if (draft.fd) {
        out.reference = fmt::format("fd:{}", *draft.fd);
    } else {
        return std::nullopt;
    }
    return out;
}

std::optional<std::string> read_url(const Node& node) {
    auto out = node.text();
    if (out && out->ends_with('/')) {
        out->pop_back();
    }
    return out;
}

void read_traffic(const Node& node, Traffic& out) {
    TrafficDraft draft;
    read_section(node, k_traffic, draft);
    out.driver = draft.driver;
    out.stable = std::move(draft.stable);
    out.canary = std::move(draft.canary);
    out.stable_url = std::move(draft.stable_url);
    out.canary_url = std::move(draft.canary_url);
    if (out.driver == "local") {
        draft.local.socket = std::move(draft.socket);
        out.settings = std::move(draft.local);
    } else if (out.driver == "haproxy") {
        if (!has(node, "socket")) {
            node.refuse("socket is missing, expected a text");
        }
        draft.haproxy.socket = std::move(draft.socket);
        out.settings = std::move(draft.haproxy);
    } else if (out.driver == "cloud-run") {
        if (draft.cloud.endpoint.empty()) {
            draft.cloud.endpoint = "https://run.googleapis.com";
        }
        out.settings = std::move(draft.cloud);
    } else if (out.driver == "command") {
        out.settings = std::move(draft.command);
    }
}

} // namespace oa_stream::playbook::file
