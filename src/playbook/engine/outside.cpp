#include "oa_stream/playbook/outside.hpp"

#include "oa_stream/base/seconds.hpp"
#include "oa_stream/measure/access_log_source.hpp"
#include "oa_stream/measure/prometheus_source.hpp"
#include "cloud_run/cloud_run_driver.hpp"
#include "command/command_driver.hpp"
#include "haproxy/haproxy_driver.hpp"
#include "oa_stream/traffic/local_driver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace oa_stream::playbook {
namespace {

using traffic::ArmAddress;
using traffic::Split;
using traffic::TrafficDriver;
using traffic::TrafficState;

// Credentials
// -----------------------------------------------------------------------------------------------

/// Nothing was given, as opposed to something that cannot be used.
bool absent(const std::string& reference) {
    const auto rest = reference.substr(reference.find(':') + 1);
    if (reference.starts_with("env:")) {
        const char* value = std::getenv(rest.c_str()); // NOLINT(concurrency-mt-unsafe): see secret
        return value == nullptr || *value == '\0';
    }
    std::error_code ignored;
    return reference.starts_with("file:") && !std::filesystem::exists(rest, ignored);
}

Result<Secret> secret_of(const std::optional<AuthRef>& auth) {
    if (!auth || (!auth->required && absent(auth->reference))) {
        return Secret{};
    }
    auto secret = read_secret(auth->reference);
    if (!secret && secret.error().code == Code::credentials && secret.error().where.empty()) {
        secret.error().where = auth->reference;
    }
    return secret;
}

// Drivers
// ---------------------------------------------------------------------------------------------------

/// The playbook knows better than the driver how its arms are reached.
class PinnedDriver final : public TrafficDriver {
public:
    PinnedDriver(std::unique_ptr<TrafficDriver> inner, const Traffic& traffic)
        : inner_(std::move(inner)), stable_(traffic.stable), canary_(traffic.canary),
          stable_url_(traffic.stable_url), canary_url_(traffic.canary_url) {}

    [[nodiscard]] std::string_view kind() const noexcept override { return inner_->kind(); }
    [[nodiscard]] std::string target() const override { return inner_->target(); }
    [[nodiscard]] Task<Result<TrafficState>> read() override { return inner_->read(); }
    [[nodiscard]] Task<Result<void>> preview(Split target) override {
        return inner_->preview(std::move(target));
    }
    [[nodiscard]] Task<Result<void>> set(Split target, std::string etag) override {
        return inner_->set(std::move(target), std::move(etag));
    }
    [[nodiscard]] Task<Result<void>> restore(Split target, Json exact, std::string etag) override {
        return inner_->restore(std::move(target), std::move(exact), std::move(etag));
    }
    [[nodiscard]] Millis patience() const noexcept override { return inner_->patience(); }
    [[nodiscard]] Task<Result<TrafficState>> verify(Split target, Millis limit) override {
        return inner_->verify(std::move(target), limit);
    }
    [[nodiscard]] bool splits_exactly() const noexcept override { return inner_->splits_exactly(); }
    [[nodiscard]] Result<ArmAddress> address(std::string_view revision) const override {
        const std::string& url = revision == stable_   ? stable_url_
                                 : revision == canary_ ? canary_url_
                                                       : none_;
        return url.empty() ? inner_->address(revision) : ArmAddress{url, {}, {}};
    }

private:
    std::unique_ptr<TrafficDriver> inner_;
    std::string stable_, canary_, stable_url_, canary_url_;
    std::string none_;
};

constexpr std::string_view k_metadata_server = "http://metadata.google.internal";

/// The token that was given, a file's read again when it is refused; else the metadata server's.
traffic::TokenSource
platform_tokens(net::HttpClient& client, const std::optional<AuthRef>& auth, const Secret& given) {
    if (given.empty()) {
        return traffic::metadata_tokens(client, std::string(k_metadata_server));
    }
    if (auth && auth->reference.starts_with("file:")) {
        return traffic::kept_token(given, [reference = auth->reference] {
            return read_secret(reference);
        });
    }
    return traffic::kept_token(given);
}

/// Builds the driver that the settings are of.
struct MakeDriver {
    const asio::any_io_executor& executor;
    const Traffic& traffic;
    Outside& outside;

    using Made = Result<std::unique_ptr<TrafficDriver>>;

    [[nodiscard]] std::vector<std::string> revisions() const {
        return {traffic.stable, traffic.canary};
    }
    /// Both or none: a driver that is told one would have to guess the other.
    [[nodiscard]] std::vector<std::string> urls() const {
        if (traffic.stable_url.empty() || traffic.canary_url.empty()) {
            return {};
        }
        return {traffic.stable_url, traffic.canary_url};
    }

    Made operator()(const std::monostate&) const {
        return fail(
            Code::config, fmt::format("driver {} has no settings", traffic.driver), "traffic"
        );
    }
    Made operator()(const LocalTraffic& local) const {
        const std::string& base = local.base_url.empty() ? outside.users.base_url : local.base_url;
        if (local.socket.empty() || base.empty()) {
            return fail(
                Code::config,
                "a front door that runs already needs its admin socket and its address",
                "traffic",
                "socket: and base_url: of `oa-stream front`"
            );
        }
        return traffic::make_local_driver(*outside.client, {local.socket, base, revisions()});
    }
    Made operator()(const HaproxyTraffic& haproxy) const {
        const auto server =
            [](const std::string& revision, const std::string& named, const std::string& url) {
                return traffic::HaproxyServer{revision, named.empty() ? revision : named, url};
            };
        return traffic::make_haproxy_driver(
            executor,
            {.socket = haproxy.socket,
             .backend = haproxy.backend,
             .servers =
                 {server(traffic.stable, haproxy.stable_server, traffic.stable_url),
                  server(traffic.canary, haproxy.canary_server, traffic.canary_url)},
             .state_file = haproxy.state_file}
        );
    }
    Made operator()(const CloudRunTraffic& cloud) const {
        return traffic::make_cloud_run_driver(
            *outside.client,
            {.endpoint = cloud.endpoint,
             .project = cloud.project,
             .region = cloud.region,
             .service = cloud.service,
             .revisions = revisions(),
             .urls = urls(),
             .token = platform_tokens(*outside.client, cloud.auth, outside.platform_token)}
        );
    }
    Made operator()(const CommandTraffic& command) const {
        return traffic::make_command_driver(
            executor,
            {.read = command.read,
             .set = command.set,
             .preview = command.preview,
             .endpoint = command.endpoint,
             .revisions = revisions(),
             .urls = urls(),
             .timeout = command.timeout}
        );
    }
};

Result<void>
add_driver(const asio::any_io_executor& executor, const Traffic& traffic, Outside& outside) {
    OA_TRY(outside.driver, std::visit(MakeDriver{executor, traffic, outside}, traffic.settings));
    if (!traffic.stable_url.empty() || !traffic.canary_url.empty()) {
        outside.driver = std::make_unique<PinnedDriver>(std::move(outside.driver), traffic);
    }
    return {};
}

// Sources
// --------------------------------------------------------------------------------------------------

Result<std::unique_ptr<measure::Source>> open_prometheus(const SourceSpec& spec, Outside& outside) {
    OA_TRY(outside.source_token, secret_of(spec.auth));
    outside.redactor.add_known(outside.source_token, "of the source");
    measure::PrometheusOptions options;
    options.url = spec.url;
    options.user = spec.user;
    (spec.user.empty() ? options.bearer : options.password) = outside.source_token;
    options.ca_file = spec.ca;
    options.revision_label = spec.revision_label;
    options.matchers = spec.matchers;
    options.deadline = spec.timeout;
    options.timeout = std::min(options.timeout, spec.timeout);
    options.stale_after_s = seconds(spec.stale_after);
    OA_CHECK(measure::check(options));
    return measure::prometheus_source(*outside.client, std::move(options));
}

Result<std::unique_ptr<measure::Source>>
open_access_log(const asio::any_io_executor& executor, const SourceSpec& spec) {
    measure::AccessLogOptions options;
    options.paths.assign(spec.paths.begin(), spec.paths.end());
    options.rotated = spec.rotated;
    options.follow = false; // a run goes on, whatever stands at the other end of a pipe
    if (spec.stale_after > Millis(0)) {
        options.stale_after_s = seconds(spec.stale_after);
    }
    return measure::access_log_source(executor, std::move(options));
}

Result<void>
add_sources(const asio::any_io_executor& executor, const Playbook& playbook, Outside& outside) {
    for (const SourceSpec& spec : playbook.sources) {
        if (!is_outside_source(spec.kind)) {
            continue;
        }
        auto source = spec.kind == SourceKind::prometheus ? open_prometheus(spec, outside)
                                                          : open_access_log(executor, spec);
        if (!source) {
            return std::unexpected(
                std::move(source).error().prefixed(fmt::format("source {}", to_string(spec.kind)))
            );
        }
        outside.sources[spec.kind] = *std::move(source);
    }
    return {};
}

} // namespace

Result<Outside> open_outside(const asio::any_io_executor& executor, const Playbook& playbook) {
    Outside out;
    OA_TRY(out.user_token, secret_of(playbook.target.auth));
    if (const auto* cloud = std::get_if<CloudRunTraffic>(&playbook.traffic.settings)) {
        OA_TRY(out.platform_token, secret_of(cloud->auth));
    }
    if (const auto& routes = playbook.routes) {
        out.control_token = out.user_token; // read once: a descriptor gives it only once
        if (routes->auth) {
            OA_TRY(out.control_token, secret_of(routes->auth));
        }
        out.redactor.add_known(out.control_token, "of the control surface");
    }
    out.redactor.add_known(out.user_token, "of the target");
    out.redactor.add_known(out.platform_token, "of the platform");
    out.client = net::HttpClient::make(executor);
    out.users.base_url = playbook.target.base_url;
    out.users.bearer = out.user_token;
    out.users.revision_header = playbook.target.revision_header;
    if (const auto& compat = playbook.target.compat) {
        out.users.compat = probe::CompatHeaders{compat->build, compat->protocol, compat->schema};
    }
    OA_CHECK(add_sources(executor, playbook, out));
    if (moves_traffic(playbook.kind)) {
        OA_CHECK(add_driver(executor, playbook.traffic, out));
    }
    return out;
}

Sources opened(const Outside& outside) {
    Sources out;
    for (const auto& [kind, source] : outside.sources) {
        out[kind] = source.get();
    }
    return out;
}

} // namespace oa_stream::playbook
