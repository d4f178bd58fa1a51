// The table of the lane's routes. Matching, Allow headers and metric labels are derived from it.
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
    std::string_view pattern; ///< "/api/chats/{conversationId}/stream"; also the metric label
    std::string_view method; ///< a GET route answers HEAD too, except for streams
    Action action;
    std::string_view lane; ///< metric label
};

/// A pattern has one row per method.
[[nodiscard]] std::span<const Route> all_routes() noexcept;

struct RouteMatch {
    std::string_view pattern{};        ///< empty: no such path (404)
    const Route* route = nullptr; ///< null: the path exists, but not with this method (405)
    /// Metric label; without a route that of the path's first row
    std::string_view lane = "control";
    std::optional<std::string> id{};   ///< {conversationId}, still percent-encoded
    std::optional<std::string> run{};  ///< {runId}, likewise
    std::optional<std::string> deployment{}; ///< the model in the path of Azure's clients
    std::string allow{}; ///< all methods of the path, "GET, HEAD, OPTIONS"
};

/// Whether a path's answers follow OpenAI's formats.
[[nodiscard]] bool speaks_openai(std::string_view path) noexcept;
/// The route of a path without query. Literal segments take precedence over {…}.
[[nodiscard]] RouteMatch match_route(std::string_view method, std::string_view at);

} // namespace oa_stream::lane
