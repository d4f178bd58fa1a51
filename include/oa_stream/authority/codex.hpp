// The codex authority: a supervised `codex app-server` child on stdio.
//
// Facts about Codex that it relies on, measured with codex-cli 0.169.0
// (tests/authority/codex_real_test.cpp checks them against the real binary):
// - Regenerate and edit use `thread/revert {threadId, beforeTurnId}`. It keeps the thread id, drops
//   the named turn and all later ones, keeps injected history, and needs no experimental
//   capability. Afterwards the model receives exactly the remaining history. It requires a loaded
//   thread (thread/resume first), refuses ephemeral threads and unknown turns ("turn not found:
//   …"), and ends a running turn as interrupted. `thread/fork {beforeTurnId}` would need the
//   experimental capability and creates a new id; `thread/rollback` does not exist.
// - A revert also resets the thread's usage totals, without a notification. The next turn learns
//   its baseline from its first usage report (total − last).
// - On ephemeral threads `turn/started` can come before the response of `turn/start`.
// - After thread/unsubscribe a turn can still be started, but its events are not sent to us.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/base/log.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

enum class CodexProfile {
    chat, ///< no tools offered to the model; read-only sandbox; no approvals
    agent, ///< command and patch tools in a workspace-write sandbox; we answer approvals
};

struct CodexDeadlines {
    Millis handshake{15'000}; ///< spawn to a checked thread/start
    Millis request{10'000}; ///< any single request
    Millis load_wait{60'000}; ///< how long a thread waits while others load
    Millis reconcile{1'000}; ///< from an idle thread without turn/completed to a history request
    Millis interrupt{5'000}; ///< turn/interrupt to turn/completed
    Millis restart_wait{10'000}; ///< how long start() waits for a child that is being restarted
    Millis backoff_first{200}; ///< pause before the first restart; doubles …
    Millis backoff_cap{10'000}; ///< … up to this; reset by a child that was ready for `stable`
    Millis stable{30'000};
    Millis start_wait{10'000}; ///< how long a turn waits while others start
    Millis heartbeat{5'000}; ///< a child silent for this long gets a cheap request …
    Millis heartbeat_answer{10'000}; ///< … and is replaced if it stays silent for this long
    Millis keep_threads{0}; ///< threads unused for longer are deleted with their texts; 0: never
    bool looks_at_once = false; ///< check for unused threads at start, not only after a while
    /// Codex compresses the rollout of a thread unused for this long. 0: at Codex's own default.
    Millis compress_after{0};
    Millis last_writes{2'000}; ///< time for a replaced child to finish writing after SIGTERM
    Millis linger{60'000}; ///< an idle thread stays subscribed (and in the child's memory)
};

struct CodexLimits {
    /// one JSON line; a longer reply fails, any other longer line ends the child
    std::size_t line_bytes = 64U << 20U;
    std::size_t queue_bytes = 16U << 20U; ///< unfetched events of one turn; more fails the turn
    std::size_t resident_bytes = 2U << 30U; ///< a larger child is replaced when idle; 0: never
    /// Minimum free disk space in its home. Below it no turn starts; running turns have this much
    /// left to finish. 0: no check.
    std::uint64_t least_free_bytes = 64U << 20U;
    std::size_t loaded_threads = 200; ///< idle ones beyond this are unsubscribed, oldest first
};

/// A `codex app-server --listen ws://…` that the operator runs, instead of our own child. Measured
/// with codex-cli 0.169.0: a turn there continues when its client disconnects. Any connection may
/// resume a running thread and receives its further events, but not the earlier deltas of the open
/// item; the completed item has its whole text.
struct CodexServer {
    std::size_t number = 0; ///< 0 … 99; threads are bound to this number, so the address may change
    std::string url{}; ///< ws, on loopback only, or wss; empty: a child
    /// env:NAME, file:PATH or fd:N; a file is read again for each connection. Empty: no token.
    std::string token{};
    Millis reconnect{10'000}; ///< how long running turns wait after the connection is lost
    bool shared = false; ///< other lanes run turns there; they are not strays
};

/// Which turns are stored as captures, one file each. Secrets and local folders are removed;
/// prompts and answers are kept.
struct RecordRules {
    std::filesystem::path directory{}; ///< empty: nothing is recorded
    double share = 1; ///< share of turns to record, evenly spread; 0 < share ≤ 1
    /// Limit for all captures; the oldest are removed above it. A turn that needs more than an
    /// eighth of it is not stored.
    std::uint64_t most_bytes = std::uint64_t{256} << 20U;
};

struct CodexOptions {
    std::filesystem::path program = "codex"; ///< the native executable; looked up in PATH
    CodexProfile profile = CodexProfile::chat;
    /// Replaces the profile's config.toml as a whole. The provider, model, approval policy and
    /// sandbox it names at top level are still compared with what thread/start reports.
    std::optional<std::filesystem::path> config_file{};
    std::string model = "gpt-5.5";
    std::vector<std::string> more_models{}; ///< further models that turns may request
    std::string provider_base_url = "https://api.openai.com/v1"; ///< requests go to …/responses
    /// Environment variable with the provider's key; empty: the provider needs none.
    std::string provider_env_key = "OPENAI_API_KEY";
    /// Everything lives in <state_dir>/codex: home/ (CODEX_HOME, mode 0700), tmp/, work/.
    std::filesystem::path state_dir{};
    CodexServer server{}; ///< with a URL: no child is started and no folder is used
    std::filesystem::path folder{}; ///< replaces <state_dir>/codex; empty: that folder
    std::filesystem::path work_dir{}; ///< the threads' cwd; empty: <state_dir>/codex/work
    /// Profile agent: folders that commands may read besides the system, the work folder and
    /// TMPDIR.
    std::vector<std::filesystem::path> read_dirs{};
    /// Profile agent: files that commands must not read even inside readable system folders. open()
    /// runs a command to prove that they, and other owners' folders, are unreadable.
    std::vector<std::filesystem::path> hidden{};
    /// Further files and folders that open() proves to be unreadable.
    std::vector<std::filesystem::path> shut{};
    /// Profile agent: commands never leave the sandbox, even with an approval.
    bool confined = false;
    /// Variables of our environment that the child gets in addition to a fixed harmless list.
    std::vector<std::string> env_allow{};
    RecordRules record{};
    CodexDeadlines deadlines{};
    CodexLimits limits{};
    /// Called with threads that were deleted as unused (deadlines.keep_threads). May be empty.
    std::function<void(std::vector<std::string> threads)> forgotten{};
    /// Receives one safe, redacted line; also the child's stderr (debug). May be empty.
    std::function<void(LogLevel, std::string_view)> log{};
};

/// One child for each owner, with its own home and work folder.
struct CodexOwners {
    /// The work folder; k_owner_mark in it is replaced by owner_folder() of the owner. Empty: all
    /// owners share the children of --codex-children.
    std::string work_template{};
    std::size_t most = 16; ///< children at once; above it the child idle for longest ends
    Millis idle{10 * 60'000}; ///< a child without a turn for this long ends
};
inline constexpr std::string_view k_owner_mark = "{owner}";

/// An owner's name as one path component: never empty, "." or "..", without "/", and unique for
/// each name.
[[nodiscard]] std::string owner_folder(std::string_view owner);

/// Whether this configuration lets the model run commands: the agent profile, or a configuration
/// file whose sandbox is not read-only. An unreadable file counts as yes.
[[nodiscard]] bool runs_commands(const CodexOptions& options);

/// Used from `executor`'s thread only. The destructor kills the child; call close() first for a
/// clean end.
[[nodiscard]] std::unique_ptr<Authority>
make_codex_authority(const asio::any_io_executor& executor, CodexOptions options);

/// One child for each owner, started on the owner's first request; threads stay with their owner.
/// Ready when a child is ready or none was needed yet. open() uses a temporary child without an
/// owner to prove that commands are confined.
[[nodiscard]] std::unique_ptr<Authority> make_codex_owner_pool(
    const asio::any_io_executor& executor, CodexOptions options, CodexOwners owners
);

/// `children` (at least one) Codex children as one authority. A thread stays with the child that
/// created it, across restarts and changes of their number; new threads go to the child with the
/// fewest turns. Ready when any child is; readings are sums.
[[nodiscard]] std::unique_ptr<Authority>
make_codex_pool(const asio::any_io_executor& executor, CodexOptions options, std::size_t children);

/// Code::usage for servers that are invalid together with `options`; "where" names the option.
[[nodiscard]] Result<void>
check_codex_servers(const CodexOptions& options, const std::vector<CodexServer>& servers);

/// Like make_codex_pool(), with servers instead of children; `servers` is not empty. open() does
/// not wait for an unreachable server: health() reports it, and its threads fail with
/// Code::unavailable until it is back. A turn that was left at shutdown continues on its server.
[[nodiscard]] std::unique_ptr<Authority> make_codex_servers(
    const asio::any_io_executor& executor, CodexOptions options, std::vector<CodexServer> servers
);

} // namespace oa_stream::authority
