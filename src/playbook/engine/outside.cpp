#include "oa_stream/playbook/outside.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/net/client_certificate.hpp"
#include "oa_stream/net/oa_headers.hpp"
#include "oa_stream/net/token_source.hpp"
#include "oa_stream/probe/given_headers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace oa_stream::playbook {
namespace {

// Credentials
// -----------------------------------------------------------------------------------------------

/// The credential is missing, as opposed to unusable.
bool absent(const std::string& reference) {
    const auto rest = reference.substr(reference.find(':') + 1);
    if (reference.starts_with("env:")) {
        const char* value = std::getenv(rest.c_str()); // NOLINT(concurrency-mt-unsafe): see secret
        return value == nullptr || *value == '\0';
    }
    return reference.starts_with("file:") && !is_there(rest);
}

/// The source only reads the next token after the last was refused, and does not learn of a probe's
/// 401.
Task<Result<Secret>> token_in_file(std::string reference) {
    co_return read_secret(reference);
}

Result<Secret> secret_of(const std::optional<AuthRef>& auth) {
    if (!auth || (!auth->required && absent(auth->reference))) {
        return Secret{};
    }
    auto secret = net::read_token(auth->reference);
    if (!secret && secret.error().code == Code::credentials) {
        Error& error = secret.error();
        const bool named = !error.where.empty() || error.message.contains(auth->reference);
        error.where = named ? error.where : auth->reference;
    }
    return secret;
}

Result<void> read_into(Secret& out, const std::optional<AuthRef>& auth) {
    OA_TRY(out, secret_of(auth));
    return {};
}

/// Each connection reads the files. Missing files of the users' certificate must not fail
/// connections to the platform.
Result<void> use_certificate(const Target& target, Needs needs) {
    for (const std::string* file : {&target.cert, &target.key}) {
        if (needs == Needs::traffic && !file->empty() && !is_there(*file)) {
            return fail(Code::unreadable, "a file of the client certificate is not there", *file);
        }
    }
    if (needs == Needs::all) {
        OA_CHECK(net::check_tls_files(
            target.base_url, {.ca = target.ca, .certificate = target.cert, .key = target.key}
        ));
    }
    if (!target.cert.empty()) {
        net::set_client_certificate(target.cert, target.key);
    }
    return {};
}

// Drivers
// ---------------------------------------------------------------------------------------------------

Result<void>
add_driver(const asio::any_io_executor& executor, const Traffic& traffic, Outside& outside) {
    if (traffic.settings == nullptr) {
        return fail(
            Code::config, fmt::format("driver {} has no settings", traffic.driver), "traffic"
        );
    }
    traffic::DriverParts parts{
        executor,
        outside.client.get(),
        traffic.arms(),
        outside.users.base_url,
        outside.platform_token
    };
    OA_TRY(outside.driver, traffic.settings->make(std::move(parts)));
    return {};
}

// Sources
// --------------------------------------------------------------------------------------------------

Result<void>
add_sources(const asio::any_io_executor& executor, const Playbook& playbook, Outside& outside) {
    for (const auto& settings : playbook.sources) {
        const measure::SourceKind& kind = settings->kind();
        if (kind.counted != measure::Counted::users) {
            continue;
        }
        const auto open = [&]() -> Result<void> {
            OA_TRY(Secret secret, secret_of(settings->credential()));
            outside.redactor.add_known(secret, "of the source");
            OA_TRY(probe::GivenHeaders given, probe::read_headers(settings->headers()));
            for (const Secret& hidden : given.hidden) {
                outside.redactor.add_known(hidden, "of a header");
            }
            OA_TRY(
                outside.sources[kind.name()],
                settings->open(
                    {.executor = executor,
                     .client = outside.client.get(),
                     .secret = std::move(secret),
                     .headers = std::move(given.values),
                     .hidden = std::move(given.hidden)}
                )
            );
            return {};
        };
        if (auto opened = open(); !opened) {
            return std::unexpected(
                std::move(opened).error().prefixed(fmt::format("source {}", kind.name()))
            );
        }
    }
    return {};
}

// Hooks
// ----------------------------------------------------------------------------------------------------

void add_hooks(const Playbook& playbook, Outside& outside) {
    for (const HookSpec& hook : playbook.hooks) {
        HookSecrets& secrets = outside.hook_secrets[hook.id];
        for (const auto& [auth, into] :
             {std::pair(&hook.webhook_from, &secrets.url), std::pair(&hook.key, &secrets.key)}) {
            auto secret = secret_of(*auth);
            if (secret) {
                *into = *std::move(secret);
                outside.redactor.add_known(*into, "of hook " + hook.id);
            } else {
                secrets.missing = std::move(secret).error().prefixed("hook " + hook.id);
            }
        }
    }
}

} // namespace

Result<void> check_hooks(const Outside& outside) {
    for (const auto& [id, secrets] : outside.hook_secrets) {
        if (secrets.missing) {
            return std::unexpected(*secrets.missing);
        }
    }
    return {};
}

Result<Outside>
open_outside(const asio::any_io_executor& executor, const Playbook& playbook, Needs needs) {
    Outside out;
    const auto unless_missing = [&](Result<void> read) -> Result<void> {
        if (!read && needs == Needs::traffic) {
            out.missing.push_back(std::move(read).error());
            return {};
        }
        return read;
    };
    OA_CHECK(unless_missing(read_into(out.user_token, playbook.target.auth)));
    if (const auto& settings = playbook.traffic.settings) {
        auto secret = secret_of(settings->credential());
        if (!secret && secret.error().hint.empty()) { // the option for a token is the target's
            secret.error().hint = "`auth` in the playbook says where a token is";
        }
        OA_TRY(out.platform_token, std::move(secret));
    }
    if (const auto& routes = playbook.routes) {
        if (routes->auth) {
            OA_CHECK(unless_missing(read_into(out.control_token, routes->auth)));
        } else {
            // Read once, because a descriptor yields it only once.
            out.control_token = out.user_token;
        }
        out.redactor.add_known(out.control_token, "of the control surface");
    }
    out.redactor.add_known(out.user_token, "of the target");
    out.redactor.add_known(out.platform_token, "of the platform");
    out.client = net::HttpClient::make(executor);
    out.users.base_url = playbook.target.base_url;
    out.users.bearer = out.user_token;
    out.users.ca_file = playbook.target.ca;
    OA_CHECK(unless_missing(use_certificate(playbook.target, needs)));
    for (const std::string& header : playbook.target.headers) {
        OA_CHECK(unless_missing(probe::add_header(out.users, header)));
    }
    hide_secrets(out.redactor, out.users);
    if (const auto& auth = playbook.target.auth; // a missing credential cannot be renewed
        auth && !out.user_token.empty() && net::is_renewed(auth->reference)) {
        out.renewed = std::make_shared<probe::RenewedToken>(out.user_token, out.user_token);
        out.users.renewed = out.renewed;
        const std::string& reference = auth->reference;
        out.user_tokens = net::token_source(executor, *out.client, reference, out.user_token);
        if (playbook.routes && !playbook.routes->auth) {
            out.control_tokens = out.user_tokens;
        }
        if (reference.starts_with("file:")) {
            out.user_tokens = [reference](bool) { return token_in_file(reference); };
        }
    }
    if (const auto& routes = playbook.routes; routes && routes->auth &&
                                              !out.control_token.empty() &&
                                              net::is_renewed(routes->auth->reference)) {
        out.control_tokens =
            net::token_source(executor, *out.client, routes->auth->reference, out.control_token);
    }
    out.users.revision_header = playbook.target.revision_header;
    if (const auto& compat = playbook.target.compat) {
        out.users.compat = net::CompatIdentity{compat->build, compat->protocol, compat->schema};
    }
    add_hooks(playbook, out);
    if (needs == Needs::all) {
        OA_CHECK(add_sources(executor, playbook, out));
    }
    if (moves_traffic(playbook.kind)) {
        OA_CHECK(add_driver(executor, playbook.traffic, out));
    }
    return out;
}

Result<probe::Target> pinned_target(
    const probe::Target& users,
    const traffic::TrafficDriver& driver,
    const traffic::Arms& arms,
    const std::string& revision
) {
    OA_TRY(const traffic::ArmAddress address, arms.address_of(revision, driver));
    probe::Target out = users;
    out.base_url = address.base_url;
    out.connect_to = address.connect_to;
    for (const auto& [name, value] : address.headers) {
        out.extra.set(name, value);
    }
    return out;
}

} // namespace oa_stream::playbook
