#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/shell.hpp"

#include "cloud_run_driver.hpp"

#include <fmt/format.h>

namespace oa_stream::traffic {
namespace {

using namespace config;

struct CloudRunSettings final : DriverSettings {
    std::string endpoint{}; ///< of the Admin API, without a trailing slash
    std::string project{};
    std::string region{};
    std::string service{};
    std::optional<AuthRef> auth{}; ///< unset: the metadata server's token

    /// Renewed as the reference allows; the metadata server's tokens when none was given.
    [[nodiscard]] net::TokenSource tokens(const DriverParts& parts) const {
        const bool given = auth && !parts.token.empty();
        return net::token_source(
            parts.executor, *parts.client, given ? auth->reference : "metadata:", parts.token
        );
    }

    [[nodiscard]] Result<std::unique_ptr<TrafficDriver>> make(DriverParts parts) const override {
        return make_cloud_run_driver(
            *parts.client,
            {.endpoint = endpoint,
             .project = project,
             .region = region,
             .service = service,
             .revisions = parts.arms.revisions(),
             .token = tokens(parts)}
        );
    }
    [[nodiscard]] std::vector<Error> problems(const Arms&) const override {
        const auto url = check_url("traffic.endpoint", endpoint);
        return url ? std::vector<Error>{} : std::vector{url.error()};
    }
    [[nodiscard]] std::vector<std::string>
    cautions(const Arms& arms, const TrafficState& live) const override {
        const std::string newest = text_in(live.extra, "latestReadyRevision");
        if (newest.empty() || contains(arms.revisions(), newest) ||
            live.serving.percent_of(newest) > 0) {
            return {};
        }
        return {fmt::format(
            "the newest revision is {}, which gets no users: traffic is pinned to other revisions",
            newest
        )};
    }
    [[nodiscard]] Json to_json() const override {
        return {
            {"endpoint", endpoint},
            {"project", project},
            {"region", region},
            {"service", service},
            {"auth", config::to_json(auth)},
        };
    }
    [[nodiscard]] std::string manual_command(const Arms&, const Split& split) const override {
        std::string revisions;
        for (const auto& [revision, percent] : split.all()) {
            if (percent > 0) {
                revisions +=
                    fmt::format("{}{}={}", revisions.empty() ? "" : ",", revision, percent);
            }
        }
        return fmt::format(
            "gcloud run services update-traffic {} --project {} --region {} --to-revisions {}",
            shell_word(service),
            shell_word(project),
            shell_word(region),
            shell_word(revisions)
        );
    }
    [[nodiscard]] std::optional<AuthRef> credential() const override { return auth; }
};

constexpr auto k_keys = keys<CloudRunSettings>(
    url<&CloudRunSettings::endpoint>("endpoint", Need::optional, "Where the platform's API is.")
        .or_else("https://run.googleapis.com"),
    text<&CloudRunSettings::project>("project", Need::required, "Project of the service."),
    text<&CloudRunSettings::region>("region", Need::required, "Region of the service."),
    text<&CloudRunSettings::service>(
        "service", Need::required, "The service whose traffic is split."
    ),
    config::auth<&CloudRunSettings::auth>(
        "auth", Need::optional, "Token for the platform's API; the metadata server's if absent."
    )
);

} // namespace

extern constinit const DriverKind k_cloud_run{
    .name = "cloud-run",
    .keys = k_keys,
    .blank = blank_settings<CloudRunSettings>,
    .plain_playbooks = true,
};

} // namespace oa_stream::traffic
