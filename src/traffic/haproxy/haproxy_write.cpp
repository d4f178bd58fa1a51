#include "haproxy_write.hpp"

#include "runtime_socket.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>

namespace oa_stream::traffic {
namespace {

Task<Result<HaproxyWritten>>
write_wanted(HaproxyDriverOptions options, HaproxySnapshot now, Settings wanted) {
    auto commands = shift_commands(now, options.backend, options.servers.front().server, wanted);
    commands.emplace_back(k_written_command);
    OA_CO_TRY(
        const std::string answer,
        co_await ask_runtime(
            options.socket, fmt::format("{}", fmt::join(commands, ";")), options.call_timeout
        )
    );
    auto out = parse_written(answer, options.backend);
    if (!out) {
        out.error().where = options.socket;
    }
    co_return out;
}

/// The first server that differs from what is wanted.
std::optional<std::string> deviation(const HaproxyWritten& seen, const Settings& wanted) {
    for (const auto& [name, setting] : wanted) {
        const auto found = seen.servers.find(name);
        if (found == seen.servers.end()) {
            return fmt::format("server {} is gone", name);
        }
        if (found->second != setting) {
            return fmt::format(
                "server {} has weight {} ({})",
                name,
                found->second.weight,
                to_string(found->second.rotation)
            );
        }
    }
    return std::nullopt;
}

std::unexpected<Error> refusal(const std::string& complaint, std::string_view then) {
    const auto says = [&](std::string_view words) {
        return complaint.find(words) != std::string::npos;
    };
    const bool denied = says("Permission denied");
    const Code code = denied                       ? Code::credentials
                      : says("Proxy is disabled.") ? Code::unavailable // a worker that is leaving
                                                   : Code::precondition;
    return fail(
        code,
        fmt::format("HAProxy reports: {}{}", complaint, then),
        {},
        denied                        ? "`level admin` on its `stats socket` line"
        : says("static LB algorithm") ? "use `balance roundrobin`, or `hash-type consistent`"
                                      : ""
    );
}

/// HAProxy refused at least one command: undoes those that it may have accepted.
Task<Result<std::string>>
roll_back(HaproxyDriverOptions options, HaproxySnapshot before, HaproxyWritten seen) {
    Settings former;
    HaproxySnapshot now = before;
    for (HaproxyFacts& server : now.servers) {
        former[server.name] = {server.weight, server.rotation};
        if (const auto found = seen.servers.find(server.name); found != seen.servers.end()) {
            server.weight = found->second.weight;
            server.rotation = found->second.rotation;
        }
    }
    if (!deviation(seen, former)) {
        co_return refusal(seen.complaint, "");
    }
    const auto undone = co_await write_wanted(options, std::move(now), former);
    if (undone && undone->complaint.empty() && !deviation(*undone, former)) {
        co_return refusal(seen.complaint, "; what it had taken was taken back");
    }
    co_return fail(
        Code::protocol,
        fmt::format(
            "HAProxy reports: {}; a part was written and could not be undone", seen.complaint
        ),
        options.socket
    );
}

} // namespace

Task<Result<std::string>>
write_settings(HaproxyDriverOptions options, HaproxySnapshot before, Settings wanted) {
    OA_CO_TRY(HaproxyWritten seen, co_await write_wanted(options, before, wanted));
    if (seen.process.pid != before.process.pid ||
        seen.process.started_s != before.process.started_s) {
        co_return fail(
            Code::protocol,
            fmt::format(
                "HAProxy was reloaded while it was written to: process {} was read, {} answered",
                before.process.pid,
                seen.process.pid
            ),
            options.socket
        );
    }
    if (!seen.complaint.empty()) {
        co_return co_await roll_back(options, std::move(before), std::move(seen));
    }
    if (const auto wrong = deviation(seen, wanted)) {
        co_return fail(
            Code::protocol, "HAProxy took the write without a word, but " + *wrong, options.socket
        );
    }
    co_return std::move(seen.state);
}

} // namespace oa_stream::traffic
