// One row for each kind of authority. A kind is a subfolder of src/authority and a line of
// table.cpp; code that reads options or talks to a lane looks names up in this table.
#pragma once

#include "oa_stream/authority/codex.hpp"
#include "oa_stream/authority/replay.hpp"
#include "oa_stream/authority/worker.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

/// All authority options; each kind reads its part.
struct AuthorityOptions {
    CodexOptions codex{};
    std::size_t codex_children = 1;
    std::vector<CodexServer> codex_servers{}; ///< not empty: used instead of children
    CodexOwners codex_owners{};
    ReplayOptions replay{};
    WorkerOptions worker{};
};

struct AuthorityKind {
    std::string_view name; ///< the value of --authority, and Capabilities::name
    std::string_view provider; ///< the provider name in the chats API
    bool spawns = false; ///< has child processes, which need file descriptors
    bool shares_turns = false; ///< several lanes with a shared store can serve the same turns
    bool costs = false; ///< its turns cost money
    bool plays = false; ///< a prompt can select the recording to play
    bool takes_faults = false; ///< supports fault injection for drills
    bool records = false; ///< its turns can be recorded as captures
    /// Its threads outlive the process, so a file that maps them is worth storing.
    bool keeps_threads = false;
    /// Returns Code::usage for invalid options; nullptr: none are refused.
    Result<void> (*check)(const AuthorityOptions& options) = nullptr;
    /// The model name that the lane reports when no option sets it.
    std::string (*model)(const AuthorityOptions& options) = nullptr;
    Result<std::unique_ptr<Authority>> (*make)(
        const asio::any_io_executor& executor, const AuthorityOptions& options
    ) = nullptr;
};

/// nullptr for an unknown name.
[[nodiscard]] const AuthorityKind* authority_kind(std::string_view name) noexcept;
/// The names: "codex", "replay", "worker".
[[nodiscard]] std::span<const std::string_view> authority_words();
/// The authority that GET /version names: {"authority":"replay"} or
/// {"authority":{"name":"replay"}}.
[[nodiscard]] std::string_view authority_name(const Json& version);
/// Deleted: the result would refer to a destroyed temporary.
std::string_view authority_name(const Json&& version) = delete;
/// Whether that authority plays recordings.
[[nodiscard]] bool plays_recordings(const Json& version);

} // namespace oa_stream::authority
