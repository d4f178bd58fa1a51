// Keys of target and traffic.
#include "oa_stream/base/lists.hpp"
#include "oa_stream/net/oa_headers.hpp"

#include "file_keys.hpp"

namespace oa_stream::playbook::file {
namespace {

using namespace config;

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
    url<&Target::base_url>(
        "base_url",
        Need::optional,
        "The lane as users reach it. Needed unless the playbook is a rehearsal, which starts its "
        "own lanes."
    ),
    url<&Target::control_url>(
        "control_url", Need::optional, "The control surface, when it is not at `base_url`."
    ),
    config::auth<&Target::auth>("auth", Need::optional, "The credential that probes send."),
    text<&Target::revision_header>(
        "revision_header", Need::optional, "Response header that names the revision."
    )
        .or_else(net::k_revision_header),
    section<&Target::compat, k_compat>(
        "compat", Need::optional, "Compatibility headers to send; the probes' own if absent."
    ),
    text<&Target::prompt>("prompt", Need::optional, "What probes and smokes ask."),
    text<&Target::ca>(
        "ca",
        Need::optional,
        "PEM file of the authority that signs its certificate; SSL_CERT_FILE or the system's if "
        "absent."
    ),
    text<&Target::cert>("cert", Need::optional, "PEM file of the certificate to show it."),
    text<&Target::key>("key", Need::optional, "PEM file of that certificate's key."),
    texts<&Target::headers>(
        "headers",
        Need::optional,
        "Headers to send, `Name: value`; a secret as `Name: env:VARIABLE`, `file:PATH` or "
        "`command:PROGRAM`."
    )
);

// traffic
// ------------------------------------------------------------------------------------------

/// The drivers, each with its own keys.
std::span<const Variant> drivers() {
    static const auto all = mapped(traffic::driver_kinds(), [](const traffic::DriverKind* kind) {
        return Variant{kind->name, kind->keys};
    });
    return all;
}
void* settings_of(void* out, std::size_t driver) {
    auto [settings, object] = traffic::driver_kinds()[driver]->blank();
    static_cast<Traffic*>(out)->settings = std::move(settings);
    return object;
}

constexpr auto k_traffic_keys = keys<Traffic>(
    chooser<&Traffic::driver, drivers>("driver", Need::required, "What moves the traffic."),
    text<&Traffic::stable>("stable", Need::required, "Revision that serves now."),
    text<&Traffic::canary>("canary", Need::required, "Revision that is to serve."),
    url<&Traffic::stable_url>(
        "stable_url",
        Need::optional,
        "How pinned probes reach the stable revision, when the driver does not know."
    ),
    url<&Traffic::canary_url>("canary_url", Need::optional, "The same for the canary.")
);

} // namespace

constinit const Section<Target> k_target{
    {"target", "The address that users use, and how probes identify themselves.", k_target_keys}
};
constinit const Section<Traffic> k_traffic{
    {.name = "traffic",
     .help = "What moves the traffic between two revisions.",
     .keys = k_traffic_keys,
     .variants = {.chooser = "driver", .all = drivers, .object = settings_of}}
};

bool has(const Node& node, std::string_view key) {
    return node.yaml().find(key) != nullptr;
}

} // namespace oa_stream::playbook::file
