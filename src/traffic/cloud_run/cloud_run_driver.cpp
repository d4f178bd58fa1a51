#include "cloud_run/cloud_run_driver.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/lists.hpp"

#include "cloud_run_api.hpp"
#include "cloud_run_checks.hpp"
#include "cloud_run_error.hpp"
#include "cloud_run_service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace oa_stream::traffic {
namespace {

using cloud_run::Api;
using cloud_run::Entries;
using cloud_run::Entry;
using cloud_run::Service;

Json conditions_of(const Service& service) {
    return {{"state", service.condition}, {"message", service.trouble}};
}

class CloudRunDriver final : public TrafficDriver {
public:
    CloudRunDriver(net::HttpClient& client, CloudRunDriverOptions options)
        : options_(std::move(options)), api_(client, options_),
          usable_(cloud_run::usable(options_)),
          location_(fmt::format("projects/{}/locations/{}", options_.project, options_.region)),
          path_(fmt::format("/v2/{}/services/{}", location_, options_.service)) {}

    [[nodiscard]] std::string_view kind() const noexcept override { return k_cloud_run.name; }
    [[nodiscard]] std::string target() const override {
        return fmt::format("{}:{}{}", kind(), options_.endpoint, path_);
    }
    [[nodiscard]] bool splits_exactly() const noexcept override { return false; }
    [[nodiscard]] Millis patience() const noexcept override {
        return options_.wait_at_most + 2 * options_.call_timeout;
    }

    [[nodiscard]] Task<Result<TrafficState>> read() override;
    [[nodiscard]] Task<Result<void>> preview(Split target) override;
    [[nodiscard]] Task<Result<void>> set(Split target, std::string etag) override;
    [[nodiscard]] Task<Result<void>> restore(Split target, Json exact, std::string etag) override;
    [[nodiscard]] Task<Result<TrafficState>> verify(Split target, Millis limit) override;
    [[nodiscard]] Result<ArmAddress> address(std::string_view revision) const override;
    [[nodiscard]] bool same_setting(const Json& a, const Json& b) const override {
        return a.is_null() || b.is_null() ? a == b : cloud_run::same_shares(a, b);
    }
    void wait_no_longer_than(Clock::time_point until) override { no_longer_than_ = until; }
    void begin_rescue() override { api_.begin_rescue(); }

private:
    struct Operation {
        std::string name;
        bool done = false;
        std::optional<Error> failure{};
    };

    [[nodiscard]] Clock::time_point deadline() const {
        return std::min(Clock::now() + options_.wait_at_most, no_longer_than_);
    }
    [[nodiscard]] Task<Result<Service>> service(Clock::time_point until);
    [[nodiscard]] Task<Result<void>> follow(Clock::time_point until);
    [[nodiscard]] Task<Result<TrafficState>> look(Clock::time_point until);
    [[nodiscard]] Task<Result<void>> may_rise(std::string revision, Clock::time_point until);
    [[nodiscard]] Task<Result<Service>> decide(std::string etag, Clock::time_point until);
    [[nodiscard]] Task<Result<void>> write(Service live, Entries traffic, Clock::time_point until);
    [[nodiscard]] Task<Result<void>>
    write_living(Service live, Entries traffic, Clock::time_point until);
    [[nodiscard]] std::optional<Error> given_up(const TrafficState& state) const;
    [[nodiscard]] TrafficState state_of(const Service& service) const;
    [[nodiscard]] Json evidence_of(const Service& service) const;
    void take_operation(const Json& json);

    CloudRunDriverOptions options_;
    Api api_;
    Result<void> usable_;
    std::string location_;
    std::string path_;
    std::optional<Operation> operation_; ///< of the last write
    Service last_;                       ///< as of the last read
    Clock::time_point no_longer_than_ = Clock::time_point::max();
    Json left_out_ = Json::array(); ///< tags of deleted revisions
};

// Reading
// -------------------------------------------------------------------------------------------

Task<Result<Service>> CloudRunDriver::service(Clock::time_point until) {
    OA_CO_CHECK(usable_);
    OA_CO_TRY(const Json json, co_await api_.get(path_, until));
    auto parsed = cloud_run::parse_service(json);
    if (!parsed) {
        co_return std::unexpected(std::move(parsed).error().prefixed(options_.service));
    }
    co_return parsed;
}

void CloudRunDriver::take_operation(const Json& json) {
    if (!operation_) {
        return;
    }
    operation_->done = bool_member(json, "done").value_or(false);
    const Json* error = member(json, "error");
    if (operation_->done && error != nullptr && error->is_object()) {
        operation_->failure = Error{
            cloud_run::code_of_status(*error),
            fmt::format("the platform could not do it: {}", cloud_run::status_text(*error)),
            operation_->name
        };
    }
}

/// Runs before the service is read, so that the read is not older than the operation's end. A
/// rollback asks only once: the service also shows whether a change is under way, and the etag
/// prevents overwriting anything newer than the read.
Task<Result<void>> CloudRunDriver::follow(Clock::time_point until) {
    if (!operation_ || operation_->done) {
        co_return Result<void>{};
    }
    const bool rescue = api_.rescues();
    auto json = co_await api_.get("/v2/" + operation_->name, rescue ? Clock::now() : until);
    // Forgotten by the platform, or not visible to this account: the service itself shows the rest.
    const auto hidden = [&](Code code) {
        return code == Code::not_found || code == Code::credentials ||
               (rescue && code != Code::cancelled);
    };
    if (!json && hidden(json.error().code)) {
        operation_.reset();
        co_return Result<void>{};
    }
    OA_CO_CHECK(json);
    take_operation(*json);
    co_return Result<void>{};
}

Json CloudRunDriver::evidence_of(const Service& service) const {
    Json out = {
        {"service", path_.substr(4)},
        {"generation", service.generation},
        {"observedGeneration", service.observed},
        {"reconciling", service.reconciling},
        {"terminalCondition", conditions_of(service)},
        {"latestReadyRevision", service.latest_ready},
        {"latestCreatedRevision", service.latest_created},
        {"traffic", cloud_run::to_json(service.traffic)},
        {"trafficStatuses", cloud_run::to_json(service.statuses)},
        {"repeated_reads", api_.repeated()},
    };
    if (!left_out_.empty()) {
        out["left_out"] = left_out_;
    }
    if (service.condition == "CONDITION_FAILED" && !service.trouble.empty()) {
        out["trouble"] = service.trouble;
    }
    if (operation_) {
        out["operation"] = {
            {"name", operation_->name},
            {"done", operation_->done},
            {"error", operation_->failure ? Json(operation_->failure->message) : Json(nullptr)}
        };
    }
    return out;
}

TrafficState CloudRunDriver::state_of(const Service& service) const {
    TrafficState out;
    out.wanted = service.wanted;
    out.serving = service.serving;
    out.settled = service.at_rest() && (!operation_ || operation_->done);
    out.etag = service.etag;
    out.exact = {{"traffic", cloud_run::to_json(service.traffic)}};
    out.extra = evidence_of(service);
    return out;
}

Task<Result<TrafficState>> CloudRunDriver::look(Clock::time_point until) {
    OA_CO_CHECK(co_await follow(until));
    OA_CO_TRY(last_, co_await service(until));
    co_return state_of(last_);
}

Task<Result<TrafficState>> CloudRunDriver::read() {
    co_return co_await look(deadline());
}

// Writing
// -------------------------------------------------------------------------------------------

/// A rollback asks once and is only stopped by a revision that cannot serve: users are affected
/// meanwhile, and the platform checks the revision itself.
Task<Result<void>> CloudRunDriver::may_rise(std::string revision, Clock::time_point until) {
    const bool rescue = api_.rescues();
    auto found = co_await cloud_run::ready(
        &api_, &options_, path_, std::move(revision), rescue ? Clock::now() : until
    );
    if (rescue && !found && found.error().code != Code::precondition) {
        co_return Result<void>{};
    }
    co_return found;
}

Task<Result<void>> CloudRunDriver::preview(Split target) {
    const auto until = deadline();
    OA_CO_CHECK(co_await service(until));
    for (const auto& [revision, percent] : target.all()) {
        if (percent > 0) {
            OA_CO_CHECK(co_await cloud_run::ready(&api_, &options_, path_, revision, until));
        }
    }
    co_return Result<void>{};
}

/// The service as the caller saw it; otherwise nothing is written.
Task<Result<Service>> CloudRunDriver::decide(std::string etag, Clock::time_point until) {
    OA_CO_CHECK(unsent(co_await follow(until)));
    OA_CO_TRY(Service live, unsent(co_await service(until)));
    if (etag.empty()) {
        co_return fail(Code::precondition, "without an etag the last writer wins");
    }
    if (live.etag != etag) {
        co_return fail(Code::conflict, "the service was changed since it was read");
    }
    if (!live.at_rest() || (operation_ && !operation_->done)) {
        co_return fail(Code::conflict, "an earlier change is still being carried out");
    }
    co_return live;
}

Task<Result<void>> CloudRunDriver::write(Service live, Entries traffic, Clock::time_point until) {
    const Split after = cloud_run::split_of(traffic, live.latest_ready);
    for (const auto& [revision, percent] : after.all()) {
        if (percent > live.serving.percent_of(revision)) {
            OA_CO_CHECK(unsent(co_await may_rise(revision, until)));
        }
    }
    const Json body = {{"etag", live.etag}, {"traffic", cloud_run::to_json(traffic)}};
    OA_CO_TRY(
        const Json json, co_await api_.patch(path_ + "?updateMask=traffic", dump_json(body), until)
    );
    const std::string name(string_member(json, "name").value_or(""));
    const std::string below = location_ + "/operations/";
    const auto slash = name.rfind('/');
    // The name contains the project's id or number, as the platform chooses.
    if (slash == std::string::npos || !name.substr(0, slash).ends_with("/operations") ||
        !cloud_run::is_name(name.substr(slash + 1))) {
        co_return fail(Code::protocol, "the write was answered without an operation");
    }
    operation_ = Operation{.name = below + name.substr(slash + 1)};
    take_operation(json);
    co_return Result<void>{};
}

/// The same, without tags of deleted revisions if those prevent the write.
Task<Result<void>>
CloudRunDriver::write_living(Service live, Entries traffic, Clock::time_point until) {
    auto written = co_await write(live, traffic, until);
    if (written || written.error().code != Code::usage) {
        co_return written;
    }
    OA_CO_TRY(
        cloud_run::Living living,
        unsent(co_await cloud_run::living_entries(&api_, path_, std::move(traffic), until))
    );
    if (living.gone.empty()) {
        co_return written;
    }
    left_out_ = std::move(living.gone);
    co_return co_await write(std::move(live), std::move(living.entries), until);
}

Task<Result<void>> CloudRunDriver::set(Split target, std::string etag) {
    const auto until = deadline();
    OA_CO_TRY(Service live, co_await decide(std::move(etag), until));
    Entries traffic = cloud_run::with_split(live.traffic, target);
    co_return co_await write_living(std::move(live), std::move(traffic), until);
}

Task<Result<void>> CloudRunDriver::restore(Split target, Json exact, std::string etag) {
    if (exact.is_null()) {
        co_return co_await set(std::move(target), std::move(etag));
    }
    const auto until = deadline();
    OA_CO_TRY(Service live, co_await decide(std::move(etag), until));
    OA_CO_TRY(Entries traffic, cloud_run::restored(exact, live.traffic, target, live.latest_ready));
    co_return co_await write_living(std::move(live), std::move(traffic), until);
}

// Reading back
// -------------------------------------------------------------------------------------------

/// The platform has stopped trying.
std::optional<Error> CloudRunDriver::given_up(const TrafficState& state) const {
    if (!state.settled) {
        return std::nullopt;
    }
    std::optional<Error> out;
    if (operation_ && operation_->failure) {
        out = operation_->failure;
    } else if (!last_.succeeded()) {
        out = Error{
            Code::unavailable, "the platform could not do it: " + last_.trouble, options_.service
        };
    }
    if (out) {
        out->message += fmt::format("; {} serves", state.serving.text());
    }
    return out;
}

Task<Result<TrafficState>> CloudRunDriver::verify(Split target, Millis limit) {
    const auto until = Clock::now() + limit;
    std::string seen = "nothing";
    while (true) {
        auto state = co_await look(until);
        if (!state && !is_ambiguous(state.error())) {
            co_return state; // refused: asking again would not help
        }
        if (state) {
            const bool there = state->settled && rests_at(*state, target);
            const bool refused = operation_ && operation_->failure;
            if (there && !refused) { // another deployment may have failed at the same time
                co_return state;
            }
            if (auto failure = given_up(*state)) {
                co_return std::unexpected(*std::move(failure));
            }
        }
        seen = !state           ? state.error().text()
               : state->settled ? state->serving.text()
                                : state->serving.text() + ", still being carried out";
        if (Clock::now() + options_.poll > until || !co_await sleep_for(options_.poll)) {
            break;
        }
    }
    co_return fail(
        Code::timeout,
        fmt::format("expected {} to serve, saw {}", target.text(), seen),
        operation_ && !operation_->done ? operation_->name : ""
    );
}

Result<ArmAddress> CloudRunDriver::address(std::string_view revision) const {
    if (!contains(options_.revisions, revision)) {
        return fail(Code::not_found, fmt::format("no revision '{}'", revision));
    }
    for (const Entry& entry : last_.statuses) {
        const bool own = entry.latest && entry.revision.empty() ? last_.latest_ready == revision
                                                                : entry.revision == revision;
        if (own && !entry.tag.empty() && !entry.uri.empty()) {
            return ArmAddress{entry.uri, {}, {}};
        }
    }
    return fail(
        Code::precondition,
        fmt::format("revision {} has no tag, so no address of its own", revision),
        {},
        fmt::format(
            "gcloud run services update-traffic {} --update-tags=NAME={}",
            options_.service,
            revision
        )
    );
}

} // namespace

std::unique_ptr<TrafficDriver>
make_cloud_run_driver(net::HttpClient& client, CloudRunDriverOptions options) {
    return std::make_unique<CloudRunDriver>(client, std::move(options));
}

} // namespace oa_stream::traffic
