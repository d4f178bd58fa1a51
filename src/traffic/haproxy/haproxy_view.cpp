#include "haproxy_view.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace oa_stream::traffic {
namespace {

// As in the configuration file: no character that could end a command and begin another.
bool is_haproxy_name(std::string_view name) {
    return name.size() <= 256 && is_plain_word(name, "-_.:");
}

const HaproxyServer* named_by_server(const HaproxyDriverOptions& options, std::string_view server) {
    return find_or_null(options.servers, server, &HaproxyServer::server);
}

const HaproxyServer*
named_by_revision(const HaproxyDriverOptions& options, std::string_view revision) {
    return find_or_null(options.servers, revision, &HaproxyServer::revision);
}

std::string weights_text(const HaproxySnapshot& snapshot) {
    std::vector<std::string> out;
    for (const HaproxyFacts& server : snapshot.servers) {
        const std::string_view word = to_string(server.rotation);
        out.push_back(fmt::format(
            "{} {}{}",
            server.name,
            server.weight,
            server.backup                        ? " (backup)"
            : server.rotation == Rotation::ready ? ""
                                                 : fmt::format(" ({})", word)
        ));
    }
    return fmt::format("{}", fmt::join(out, ", "));
}

unsigned sum_of(const HaproxySnapshot& snapshot) {
    unsigned sum = 0;
    for (const HaproxyFacts& server : snapshot.servers) {
        sum += server.effective();
    }
    return sum;
}

/// Algorithms whose weights HAProxy can only set to all or nothing while it runs.
bool is_static(const HaproxySnapshot& snapshot) {
    return snapshot.algorithm == "static-rr";
}

/// A hash with the default `hash-type map-based` is static, too, but does not show it.
bool may_be_static(const HaproxySnapshot& snapshot) {
    constexpr std::array<std::string_view, 6> k_hashes{
        "source", "uri", "url_param", "hdr", "rdp-cookie", "hash"
    };
    return is_static(snapshot) || contains(k_hashes, snapshot.algorithm);
}

Result<void> check_algorithm(
    const HaproxySnapshot& snapshot, const HaproxyDriverOptions& options, const Split& target
) {
    if (snapshot.algorithm == "first") {
        return fail(
            Code::precondition,
            fmt::format("backend {} has `balance first`, which ignores weights", options.backend),
            {},
            "use `balance roundrobin`"
        );
    }
    const bool partial = std::ranges::any_of(target.all(), [](const auto& entry) {
        return entry.second != 0 && entry.second != 100;
    });
    if (is_static(snapshot) && partial) {
        return fail(
            Code::precondition,
            fmt::format(
                "backend {} has `balance {}`, which takes only 0% and 100%, not {}",
                options.backend,
                snapshot.algorithm,
                target.text()
            ),
            {},
            "use `balance roundrobin`"
        );
    }
    return {};
}

} // namespace

std::string etag_of(const HaproxySnapshot& snapshot) {
    std::string out = fmt::format("{}@{}", snapshot.process.pid, snapshot.process.started_s);
    for (const HaproxyFacts& server : snapshot.servers) {
        out += fmt::format(";{}={} {}", server.name, server.weight, to_string(server.rotation));
    }
    return out;
}

Result<Split> split_of(const HaproxySnapshot& snapshot, const HaproxyDriverOptions& options) {
    const unsigned sum = sum_of(snapshot);
    if (sum == 0) {
        return fail(
            Code::precondition,
            fmt::format(
                "no server of backend {} gets any traffic: {}",
                options.backend,
                weights_text(snapshot)
            )
        );
    }
    std::map<std::string, int, std::less<>> percent;
    for (const HaproxyServer& server : options.servers) {
        percent[server.revision] = 0;
    }
    for (const HaproxyFacts& server : snapshot.servers) {
        const unsigned hundredfold = server.effective() * 100;
        if (hundredfold % sum != 0) {
            return fail(
                Code::precondition,
                fmt::format(
                    "the weights of backend {} are not whole percents: {}",
                    options.backend,
                    weights_text(snapshot)
                ),
                {},
                fmt::format("set server {}/{} weight …", options.backend, server.name)
            );
        }
        const HaproxyServer* named = named_by_server(options, server.name);
        if (named != nullptr || hundredfold > 0) {
            percent[named != nullptr ? named->revision : server.name] +=
                static_cast<int>(hundredfold / sum);
        }
    }
    return Split::of(std::move(percent));
}

TrafficState view_of(const HaproxySnapshot& snapshot, const HaproxyDriverOptions& options) {
    TrafficState out;
    const auto split = split_of(snapshot, options);
    out.serving = split.value_or(Split{});
    out.wanted = out.serving;
    out.etag = etag_of(snapshot);
    for (const HaproxyServer& server : options.servers) {
        out.streams[server.revision] = streams_of(*snapshot.find(server.server));
    }
    out.extra = extra_of(snapshot, options);
    out.process = {std::to_string(snapshot.process.pid), snapshot.process.uptime_s};
    if (!split) {
        out.extra["no_split"] = split.error().message;
    }
    out.exact = exact_of(snapshot, options);
    return out;
}

Result<void> check_names(const HaproxyDriverOptions& options) {
    std::vector<std::string_view> names{options.backend};
    for (const HaproxyServer& server : options.servers) {
        names.push_back(server.server);
    }
    for (const std::string_view name : names) {
        if (!is_haproxy_name(name)) {
            return fail(
                Code::config,
                fmt::format("'{}' is not a name of a backend or server", printable(name)),
                "traffic"
            );
        }
    }
    return {};
}

Result<void> check_servers(const HaproxySnapshot& snapshot, const HaproxyDriverOptions& options) {
    for (const HaproxyServer& server : options.servers) {
        if (snapshot.find(server.server) == nullptr) {
            std::vector<std::string> known;
            std::ranges::transform(
                snapshot.servers, std::back_inserter(known), &HaproxyFacts::name
            );
            return fail(
                Code::precondition,
                fmt::format("backend {} has no server '{}'", options.backend, server.server),
                {},
                fmt::format("it has {}", fmt::join(known, ", "))
            );
        }
    }
    return {};
}

std::string condition(const HaproxyServer& named, const HaproxyFacts& facts) {
    const std::string server = named.server == named.revision
                                   ? named.revision
                                   : fmt::format("{} (server {})", named.revision, named.server);
    if (facts.backup) {
        return server + " is a backup server";
    }
    if (facts.rotation != Rotation::ready) {
        return fmt::format("{} is set to {}", server, to_string(facts.rotation));
    }
    return fmt::format(
        "{} is {}{}{}",
        server,
        facts.status,
        facts.check_status.empty() ? "" : " ",
        facts.check_status
    );
}

std::string typed_to(std::string_view socket, std::string_view commands) {
    return fmt::format(
        "echo {} | socat stdio {}",
        shell_word(commands),
        shell_word(fmt::format("{}{}", socket.contains('/') ? "" : "tcp:", socket))
    );
}

Result<Settings> settings_for(
    const HaproxySnapshot& snapshot, const HaproxyDriverOptions& options, const Split& target
) {
    for (const auto& [revision, share] : target.all()) {
        if (named_by_revision(options, revision) == nullptr) {
            return fail(
                Code::precondition,
                fmt::format("no server of backend {} is given for '{}'", options.backend, revision)
            );
        }
    }
    for (const HaproxyFacts& server : snapshot.servers) {
        if (named_by_server(options, server.name) == nullptr && server.effective() > 0) {
            return fail(
                Code::precondition,
                fmt::format(
                    "server {} of backend {} takes a share of its own (weight {}) and belongs to "
                    "no revision here",
                    server.name,
                    options.backend,
                    server.weight
                ),
                {},
                typed_to(
                    options.socket,
                    fmt::format("set server {}/{} weight 0", options.backend, server.name)
                )
            );
        }
    }
    OA_CHECK(check_algorithm(snapshot, options, target));
    Settings out;
    for (const HaproxyServer& server : options.servers) {
        const HaproxyFacts& facts = *snapshot.find(server.server);
        const auto percent = static_cast<unsigned>(target.percent_of(server.revision));
        // A static algorithm only accepts the weight of the file, or none.
        const bool whole = percent == 100 && may_be_static(snapshot);
        out[server.server] = {
            whole && (is_static(snapshot) || facts.initial > 0) ? facts.initial : percent,
            facts.rotation
        };
    }
    return out;
}

Json exact_of(const HaproxySnapshot& snapshot, const HaproxyDriverOptions& options) {
    Json servers = Json::object();
    for (const HaproxyServer& server : options.servers) {
        const HaproxyFacts& facts = *snapshot.find(server.server);
        servers[server.server] = {{"weight", facts.weight}, {"state", to_string(facts.rotation)}};
    }
    return {{"backend", options.backend}, {"servers", std::move(servers)}};
}

Result<Settings> settings_from(const Json& exact, const HaproxyDriverOptions& options) {
    const Json* servers = member(exact, "servers");
    if (string_member(exact, "backend") != options.backend || servers == nullptr ||
        !servers->is_object()) {
        return fail(
            Code::precondition,
            fmt::format("what was kept is not a setting of backend {}", options.backend)
        );
    }
    Settings out;
    for (const auto& [name, kept] : servers->items()) {
        const auto weight = int_member(kept, "weight");
        const auto rotation = parse_rotation(string_member(kept, "state").value_or(""));
        if (!weight || *weight < 0 || *weight > 256 || !rotation ||
            named_by_server(options, name) == nullptr) {
            return fail(
                Code::precondition, fmt::format("what was kept of server {} does not fit", name)
            );
        }
        out[name] = {static_cast<unsigned>(*weight), *rotation};
    }
    return out;
}

Result<ArmAddress> address_of(const HaproxyServer& named, const HaproxyFacts& facts) {
    const bool six = facts.address.find(':') != std::string::npos;
    if (facts.tls || facts.port == 0 || facts.address.empty() || facts.address == "-") {
        return fail(
            Code::precondition,
            fmt::format(
                "{}: HAProxy reaches it {}",
                named.revision,
                facts.tls ? "over TLS, under an unknown name" : "by no IP address and port"
            ),
            {},
            "set where probes find it: stable_url and canary_url"
        );
    }
    const std::string host = six ? "[" + facts.address + "]" : facts.address;
    return ArmAddress{
        .base_url = fmt::format("http://{}:{}", host, facts.port), .connect_to = {}, .direct = true
    };
}

} // namespace oa_stream::traffic
