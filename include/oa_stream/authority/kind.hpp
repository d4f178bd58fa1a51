// One row for each kind of authority. A kind is a folder of this room and a line of table.cpp;
// whoever reads options or talks to a lane asks the table what a name means.
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

/// What the options say; each kind takes its part.
struct AuthorityOptions {
    CodexOptions codex{};
    std::size_t codex_children = 1;
    std::vector<CodexServer> codex_servers{}; ///< not empty: instead of children
    CodexOwners codex_owners{};
    ReplayOptions replay{};
    WorkerOptions worker{};
};

struct AuthorityKind {
    std::string_view name; ///< the value of --authority, and Capabilities::name
    std::string_view provider; ///< what the chats API calls who answered
    bool spawns = false; ///< children of its own, with their descriptors
    bool shares_turns = false; ///< lanes with a store can have the same turns of it
    bool costs = false; ///< its turns are paid for
    bool plays = false; ///< a prompt can name the recording that answers
    bool takes_faults = false; ///< for drills
    bool records = false; ///< its turns can be kept as captures
    /// Its threads outlive the process: a file that names them is worth keeping.
    bool keeps_threads = false;
    /// Code::usage for options it cannot be made with; nullptr: none are refused.
    Result<void> (*check)(const AuthorityOptions& options) = nullptr;
    /// The model that the lane names when no option does.
    std::string (*model)(const AuthorityOptions& options) = nullptr;
    Result<std::unique_ptr<Authority>> (*make)(
        const asio::any_io_executor& executor, const AuthorityOptions& options
    ) = nullptr;
};

[[nodiscard]] std::span<const AuthorityKind* const> authority_kinds() noexcept;
/// nullptr for an unknown name.
[[nodiscard]] const AuthorityKind* authority_kind(std::string_view name) noexcept;
/// Their names: "codex", "replay", "worker".
[[nodiscard]] std::span<const std::string_view> authority_words();
/// The authority that GET /version names: {"authority":"replay"} or
/// {"authority":{"name":"replay"}}.
[[nodiscard]] std::string_view authority_name(const Json& version);
/// Of a temporary it would be left without its text.
std::string_view authority_name(const Json&& version) = delete;
/// Whether that one plays recordings.
[[nodiscard]] bool plays_recordings(const Json& version);

} // namespace oa_stream::authority
