#include "cloud_run_checks.hpp"

#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::traffic::cloud_run {
namespace {

/// A token is sent over TLS, or only to this machine.
bool is_safe(std::string_view endpoint) {
    const std::string_view clear = "http://";
    if (!endpoint.starts_with(clear)) {
        return endpoint.starts_with("https://");
    }
    return is_loopback(host_of(endpoint));
}

} // namespace

bool is_name(std::string_view text) {
    return !text.starts_with('.') && is_plain_word(text, "-_.:~");
}

Result<void> usable(const CloudRunDriverOptions& options) {
    for (const std::string* name : {&options.project, &options.region, &options.service}) {
        if (!is_name(*name)) {
            return fail(Code::config, fmt::format("'{}' is not a name", printable(*name, 60)));
        }
    }
    for (const std::string& name : options.revisions) {
        if (!is_name(name)) {
            return fail(
                Code::config,
                fmt::format("'{}' is not a short name of a revision", printable(name, 60))
            );
        }
    }
    if (!is_safe(options.endpoint)) {
        return fail(
            Code::config,
            "the token would be sent in clear text",
            options.endpoint,
            "https, or http on this machine"
        );
    }
    return {};
}

Task<Result<void>> ready(
    Api* api,
    const CloudRunDriverOptions* options,
    std::string path,
    std::string revision,
    Clock::time_point until
) {
    const std::string& service = options->service;
    if (!is_name(revision)) {
        co_return fail(Code::precondition, fmt::format("no revision '{}'", printable(revision)));
    }
    const auto gcloud = [&](std::string_view verb, std::string_view name) {
        return fmt::format(
            "gcloud run revisions {} {} --project {} --region {}",
            verb,
            name,
            options->project,
            options->region
        );
    };
    const auto json = co_await api->get(fmt::format("{}/revisions/{}", path, revision), until);
    if (!json && json.error().code == Code::not_found) {
        co_return fail(
            Code::precondition,
            fmt::format("{} has no revision '{}'", service, revision),
            {},
            gcloud("list --service", service)
        );
    }
    OA_CO_CHECK(json);
    const auto state = condition_of(*json, "Ready");
    if (state != "CONDITION_SUCCEEDED" || member(*json, "deleteTime") != nullptr) {
        co_return fail(
            Code::precondition,
            fmt::format(
                "revision {} is not ready: {}",
                revision,
                state.empty() ? "it does not report it" : printable(state, 60)
            ),
            {},
            gcloud("describe", revision)
        );
    }
    co_return Result<void>{};
}

Task<Result<Living>>
living_entries(Api* api, std::string service, Entries entries, Clock::time_point until) {
    Living out;
    for (Entry& entry : entries) {
        if (entry.percent == 0 && !entry.latest && is_name(entry.revision)) {
            const auto json =
                co_await api->get(fmt::format("{}/revisions/{}", service, entry.revision), until);
            if (!json && json.error().code == Code::not_found) {
                out.gone.push_back(fmt::format(
                    "revision {}{}",
                    entry.revision,
                    entry.tag.empty() ? "" : fmt::format(" (tag {})", entry.tag)
                ));
                continue;
            }
            OA_CO_CHECK(json);
        }
        out.entries.push_back(std::move(entry));
    }
    co_return out;
}

} // namespace oa_stream::traffic::cloud_run
