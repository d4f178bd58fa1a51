#include "routes.hpp"

#include "oa_stream/telemetry/turns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::lane {

namespace {

/// Takes a route that starts turns from telemetry's table.
constexpr Route turn(std::size_t index, Action action) {
    const telemetry::TurnRoute& row = telemetry::k_turn_routes[index];
    return {row.pattern, telemetry::k_turn_method, action, row.lane};
}

constexpr std::array k_routes{
    turn(0, Action::chat),
    turn(1, Action::chat),
    turn(2, Action::chat),
    Route{"/api/chats/{conversationId}/stream", "GET", Action::resume, "compat"},
    Route{"/api/chat/stream/{conversationId}/stream", "GET", Action::resume, "compat"},
    Route{"/api/chat/{conversationId}/stream", "GET", Action::resume, "compat"},
    Route{"/api/chats/{conversationId}/stop", "POST", Action::stop, "control"},
    Route{"/api/chats", "GET", Action::chats, "control"},
    Route{"/api/chats", "POST", Action::make_chat, "control"},
    Route{"/api/chats/{conversationId}", "GET", Action::conversation, "control"},
    Route{"/api/chats/{conversationId}", "PATCH", Action::change_chat, "control"},
    Route{"/api/chats/{conversationId}", "DELETE", Action::delete_chat, "control"},
    Route{"/api/chats/{conversationId}/fork", "POST", Action::fork_chat, "control"},
    Route{"/api/chats/{conversationId}/export", "GET", Action::export_chat, "control"},
    Route{"/api/chats/{conversationId}/messages", "GET", Action::messages, "control"},
    Route{"/api/chats/{conversationId}/runs", "GET", Action::runs, "control"},
    Route{"/api/chats/{conversationId}/runs/{runId}/events", "GET", Action::run_events, "control"},
    Route{"/api/models", "GET", Action::chat_models, "control"},
    Route{"/api/chat/guest-session", "GET", Action::guest_session, "control"},
    turn(3, Action::responses),
    Route{"/v1/responses/{response}", "GET", Action::read_response, "native"},
    Route{"/v1/responses/{response}", "DELETE", Action::delete_response, "native"},
    turn(4, Action::completions),
    Route{"/v1/models", "GET", Action::models, "native"},
    Route{"/v1/models/{model}", "GET", Action::models, "native"},
    Route{"/healthz", "GET", Action::healthz, "control"},
    Route{"/readyz", "GET", Action::readyz, "control"},
    Route{"/version", "GET", Action::version, "control"},
    Route{"/metrics", "GET", Action::metrics, "control"},
};

// Every route that starts turns must be a row of telemetry's table, and every row of it a route
// here.
static_assert(std::ranges::count_if(k_routes, [](const Route& route) {
                  return route.action == Action::chat || route.action == Action::responses ||
                         route.action == Action::completions;
              }) == static_cast<std::ptrdiff_t>(telemetry::k_turn_routes.size()));

/// Removes the text up to the next '/' from `path` and returns it.
std::string_view take_segment(std::string_view& path) {
    path.remove_prefix(path.starts_with('/') ? 1 : 0);
    const auto segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    return segment;
}

constexpr std::string_view k_azure = "openai";

/// Azure's clients use /openai/v1/…, /openai/deployments/NAME/… and /openai/… for the paths below
/// /v1. Apart from NAME they are treated alike, including the metric labels. nullopt when `path` is
/// not one of theirs.
std::optional<std::string>
without_azure(std::string_view path, std::optional<std::string>& deployment) {
    auto rest = path;
    if (!path.starts_with('/') || take_segment(rest) != k_azure) {
        return std::nullopt;
    }
    auto after = rest;
    const auto next = take_segment(after);
    if (next == "deployments") {
        deployment = take_segment(after);
    }
    const bool named = next == "v1" || deployment;
    return fmt::format("/v1{}", named ? after : rest);
}

/// The values of the first and the second {…}.
using Names = std::array<std::optional<std::string>, 2>;

/// True when the path matches the pattern.
bool matches(std::string_view pattern, std::string_view path, Names& names) {
    names = {};
    if (!path.starts_with('/')) {
        return false;
    }
    while (!pattern.empty() && !path.empty()) {
        const auto wanted = take_segment(pattern);
        const auto given = take_segment(path);
        if (wanted.starts_with('{')) {
            (names[0] ? names[1] : names[0]) = given;
        } else if (wanted != given) {
            return false;
        }
    }
    return pattern.empty() && path.empty();
}

bool serves(const Route& route, std::string_view method) {
    const bool head = method == "HEAD" && route.method == "GET" && route.action != Action::resume;
    return route.method == method || head;
}

void allow(std::string& list, const Route& route) {
    list += list.empty() ? "" : ", ";
    list += route.method;
    if (serves(route, "HEAD")) {
        list += ", HEAD";
    }
}

} // namespace

std::span<const Route> all_routes() noexcept {
    return k_routes;
}

bool speaks_openai(std::string_view path) noexcept {
    if (!path.starts_with('/')) {
        return false;
    }
    const auto first = take_segment(path);
    return first == "v1" || first == k_azure;
}

RouteMatch match_route(std::string_view method, std::string_view at) {
    RouteMatch match;
    const auto plain = without_azure(at, match.deployment);
    const std::string_view path = plain ? *plain : at;
    for (const auto& route : k_routes) {
        Names names;
        const bool here = match.pattern.empty() ? matches(route.pattern, path, names)
                                                : route.pattern == match.pattern;
        if (!here) {
            continue;
        }
        if (match.pattern.empty()) {
            match.pattern = route.pattern;
            match.lane = route.lane;
            match.id = std::move(names[0]);
            match.run = std::move(names[1]);
        }
        if (match.route == nullptr && serves(route, method)) {
            match.route = &route;
            match.lane = route.lane;
        }
        allow(match.allow, route);
    }
    if (!match.pattern.empty()) {
        match.allow += ", OPTIONS";
    }
    return match;
}

} // namespace oa_stream::lane
