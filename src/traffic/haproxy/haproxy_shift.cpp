#include "haproxy_shift.hpp"

#include <fmt/format.h>

namespace oa_stream::traffic {
namespace {

// Why the order is safe, for stable s → s' and another c → c':
//   s up, c any:   c/s' is at most c/s.
//   s down, c up:  c'/s is below c'/s', and above 0.
//   s down, c down: c'/s is at most c/s, and s is above 0.
enum Phase { raise_stable, raise_others, lower_others, lower_stable };

unsigned effective(const ServerSetting& setting, bool backup) {
    return setting.rotation == Rotation::ready && !backup ? setting.weight : 0;
}

Phase phase_of(const HaproxyFacts& now, const ServerSetting& wanted, bool stable) {
    if (effective(wanted, now.backup) > now.effective()) {
        return stable ? raise_stable : raise_others;
    }
    return stable ? lower_stable : lower_others;
}

struct ServerShift {
    Phase phase;
    std::vector<std::string> commands;
};

ServerShift shift_of(
    const HaproxyFacts& now, std::string_view backend, const ServerSetting& wanted, bool stable
) {
    ServerShift out{phase_of(now, wanted, stable), {}};
    if (now.weight != wanted.weight) {
        out.commands.push_back(
            fmt::format("set server {}/{} weight {}", backend, now.name, wanted.weight)
        );
    }
    if (now.rotation != wanted.rotation) {
        auto state =
            fmt::format("set server {}/{} state {}", backend, now.name, to_string(wanted.rotation));
        // A weight has no effect while the server is out: when set then, it cannot take effect too
        // early.
        const bool leaves = wanted.rotation != Rotation::ready;
        out.commands.insert(leaves ? out.commands.begin() : out.commands.end(), std::move(state));
    }
    return out;
}

} // namespace

std::vector<std::string> shift_commands(
    const HaproxySnapshot& snapshot,
    std::string_view backend,
    std::string_view stable,
    const Settings& wanted
) {
    std::vector<ServerShift> all;
    for (const HaproxyFacts& server : snapshot.servers) {
        if (const auto setting = wanted.find(server.name); setting != wanted.end()) {
            all.push_back(shift_of(server, backend, setting->second, server.name == stable));
        }
    }
    std::vector<std::string> out;
    for (const Phase phase : {raise_stable, raise_others, lower_others, lower_stable}) {
        for (const ServerShift& shift : all) {
            if (shift.phase == phase) {
                out.insert(out.end(), shift.commands.begin(), shift.commands.end());
            }
        }
    }
    return out;
}

} // namespace oa_stream::traffic
