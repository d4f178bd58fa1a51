// The lane's routes: one table, from which matching, Allow headers and metric labels come.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace oa_stream::lane {

enum class Action {
    chat,
    resume,
    stop,
    chats,
    make_chat,
    change_chat,
    delete_chat,
    fork_chat,
    export_chat,
    conversation,
    messages,
    runs,
    run_events,
    healthz,
    readyz,
    version,
    metrics,
    completions,
    responses,
    read_response,
    delete_response,
    models,
    chat_models,
    guest_session
};

struct Route {
    std::string_view pattern; ///< "/api/chats/{conversationId}/stream"; the metric label as it is
    std::string_view method;  ///< GET routes answer HEAD too, streams excepted
    Action action;
    std::string_view lane; ///< metric label
};

/// A pattern stands in one row per method.
[[nodiscard]] std::span<const Route> all_routes() noexcept;

struct RouteMatch {
    std::string_view pattern{};        ///< empty: no such path (404)
    const Route* route = nullptr;      ///< null: the path is there, the method is not (405)
    std::string_view lane = "control"; ///< metric label; the path's first row's without a route
    std::optional<std::string> id{};   ///< {conversationId}, still percent-encoded
    std::optional<std::string> run{};  ///< {runId}, likewise
    std::optional<std::string> deployment{}; ///< the model that Azure's clients name in the path
    std::string allow{};               ///< every method of the path, "GET, HEAD, OPTIONS"
};

/// Whether a path is answered in OpenAI's words.
[[nodiscard]] bool speaks_openai(std::string_view path) noexcept;
/// The route of a path without query. Literal segments win over {…}.
[[nodiscard]] RouteMatch match_route(std::string_view method, std::string_view at);

} // namespace oa_stream::lane
