// The codex authority: a supervised `codex app-server` child on stdio.
//
// Facts it rests on, measured with codex-cli 0.169.0 (tests/authority/codex_real_test.cpp asks the
// real binary again):
// - Regenerate and edit use `thread/revert {threadId, beforeTurnId}`. It keeps the thread id, drops
//   the named turn and all later ones, keeps injected history, needs no experimental capability,
//   and afterwards the model is sent exactly the remaining history. It wants the thread loaded
//   (thread/resume first), refuses ephemeral threads and unknown turns ("turn not found: …"), and
//   ends a running turn as interrupted. `thread/fork {beforeTurnId}` would need the experimental
//   capability and makes a new id; `thread/rollback` does not exist.
// - A revert also takes back the thread's usage totals, without telling: the next turn's baseline
//   is learned from its first report (total − last).
// - On ephemeral threads `turn/started` can come before the response of `turn/start`.
// - After thread/unsubscribe a turn still runs when asked to, but its events are not sent to us.
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
    chat, ///< no tools: the model is offered none; read-only sandbox; nothing is ever asked
    agent, ///< command and patch tools in a workspace-write sandbox; approvals are answered by us
};

struct CodexDeadlines {
    Millis handshake{15'000}; ///< spawn to a checked thread/start
    Millis request{10'000}; ///< any single request
    Millis load_wait{60'000}; ///< a thread waits for so long until others are loaded
    Millis reconcile{1'000}; ///< thread idle without turn/completed, until history is asked
    Millis interrupt{5'000}; ///< turn/interrupt to turn/completed
    Millis restart_wait{10'000}; ///< how long start() waits for a child that is being restarted
    Millis backoff_first{200}; ///< pause before the first restart; doubles …
    Millis backoff_cap{10'000}; ///< … up to this; reset by a child that was ready for `stable`
    Millis stable{30'000};
    Millis start_wait{10'000}; ///< a turn waits for so long until others have started
    Millis heartbeat{5'000}; ///< a child that was silent for so long is asked something cheap …
    Millis heartbeat_answer{10'000}; ///< … and replaced when it says nothing at all for so long
    Millis keep_threads{0}; ///< threads unused for longer are deleted, with their texts; 0: never
    bool looks_at_once = false; ///< for such threads when it starts, not only after a while
    /// Codex compresses the rollout of a thread unused for so long; 0: when Codex would by itself.
    Millis compress_after{0};
    Millis last_writes{2'000}; ///< a child that is replaced may write for so long after its TERM
    Millis linger{60'000}; ///< an idle thread stays subscribed (and in the child's memory)
};

struct CodexLimits {
    std::size_t line_bytes = 64U << 20U; ///< one JSON line; more fails a reply, else ends the child
    std::size_t queue_bytes =
        16U << 20U; ///< events of one turn nobody fetched; more fails the turn
    std::size_t resident_bytes = 2U << 30U; ///< a larger child is replaced when idle; 0: never
    /// With less room in its home no turn starts; running ones have this much to end in. 0: never.
    std::uint64_t least_free_bytes = 64U << 20U;
    std::size_t loaded_threads = 200; ///< idle ones beyond this are unsubscribed, oldest first
};

/// A `codex app-server --listen ws://…` that somebody else runs, instead of a child of ours.
/// Measured with codex-cli 0.169.0: a turn there goes on when its client leaves; any connection may
/// resume a running thread and gets what follows, but not what the open item said so far; the
/// completed item has its whole text.
struct CodexServer {
    std::size_t number = 0; ///< 0 … 99; pins its threads to it: the address may change, this not
    std::string url{}; ///< ws, on loopback only, or wss; empty: a child
    /// env:NAME, file:PATH or fd:N; a file is read again for each connection. Empty: none
    std::string token{};
    Millis reconnect{10'000}; ///< running turns wait for so long when the connection is lost
    bool shared = false; ///< other lanes run turns on its threads: they are let alone
};

/// Which turns are kept as captures, one file each, without secrets and folders of this machine;
/// prompts and answers stay in.
struct RecordRules {
    std::filesystem::path directory{}; ///< empty: nothing is recorded
    double share = 1; ///< of the turns, evenly spread; 0 < share ≤ 1
    /// The oldest captures are removed while there is more of them. A turn of more than an eighth
    /// of it leaves nothing.
    std::uint64_t most_bytes = std::uint64_t{256} << 20U;
};

struct CodexOptions {
    std::filesystem::path program = "codex"; ///< the native executable; looked up in PATH
    CodexProfile profile = CodexProfile::chat;
    /// Replaces the profile's config.toml as a whole. The provider, model, approval policy and
    /// sandbox it names at top level are still compared with what thread/start reports.
    std::optional<std::filesystem::path> config_file{};
    std::string model = "gpt-5.5";
    std::vector<std::string> more_models{}; ///< that turns may ask for as well
    std::string provider_base_url = "https://api.openai.com/v1"; ///< requests go to …/responses
    /// Environment variable with the provider's key; empty: the provider wants none.
    std::string provider_env_key = "OPENAI_API_KEY";
    /// Everything lives in <state_dir>/codex: home/ (CODEX_HOME, mode 0700), tmp/, work/.
    std::filesystem::path state_dir{};
    CodexServer server{}; ///< with a URL: nothing is started, no folder is used
    std::filesystem::path folder{}; ///< another place for it; empty: <state_dir>/codex
    std::filesystem::path work_dir{}; ///< the threads' cwd; empty: <state_dir>/codex/work
    /// Profile agent: what commands may read beside the system, the work folder and TMPDIR.
    std::vector<std::filesystem::path> read_dirs{};
    /// Profile agent: files that commands must not read even where the system's folders hold them.
    /// open() proves by a command that they cannot, and that the folders of others are shut.
    std::vector<std::filesystem::path> hidden{};
    /// Files and folders whose shutness open() proves as well.
    std::vector<std::filesystem::path> shut{};
    /// Profile agent: commands never leave the sandbox, whoever would approve it.
    bool confined = false;
    /// Further variables of ours the child may see, beside a fixed harmless list.
    std::vector<std::string> env_allow{};
    RecordRules record{};
    CodexDeadlines deadlines{};
    CodexLimits limits{};
    /// Of threads that were deleted because nobody used them (deadlines.keep_threads). May be
    /// empty.
    std::function<void(std::vector<std::string> threads)> forgotten{};
    /// One safe, redacted line; also the child's stderr (debug). May be empty.
    std::function<void(LogLevel, std::string_view)> log{};
};

/// One child for each owner, with a home and a work folder of its own.
struct CodexOwners {
    /// The work folder: k_owner_mark in it becomes owner_folder() of the owner. Empty: all owners
    /// share the children of --codex-children.
    std::string work_template{};
    std::size_t most = 16; ///< children at once; beyond it the longest idle one ends
    Millis idle{10 * 60'000}; ///< a child without a turn for so long ends
};
inline constexpr std::string_view k_owner_mark = "{owner}";

/// An owner's name as one component of a path: never empty, "." or "..", without "/", and two
/// names never become one.
[[nodiscard]] std::string owner_folder(std::string_view owner);

/// Whether this configuration lets the model run commands: the agent profile, or a configuration
/// file whose sandbox is not read-only. A file that cannot be read counts as one.
[[nodiscard]] bool runs_commands(const CodexOptions& options);

/// Used from `executor`'s thread only. Destroying it kills the child; call close() first for a
/// quiet end.
[[nodiscard]] std::unique_ptr<Authority>
make_codex_authority(const asio::any_io_executor& executor, CodexOptions options);

/// A child for each owner, started for its first request; threads stay with their owner. Ready when
/// a child is ready or none was needed yet. open() proves with a child of nobody that commands are
/// shut in, and ends it.
[[nodiscard]] std::unique_ptr<Authority> make_codex_owner_pool(
    const asio::any_io_executor& executor, CodexOptions options, CodexOwners owners
);

/// `children` of them (at least one) as one authority: a thread stays with the child that made it,
/// also over restarts, and also when the number of children changes; new threads go to the child
/// with the fewest turns. Ready when any child is; readings are sums.
[[nodiscard]] std::unique_ptr<Authority>
make_codex_pool(const asio::any_io_executor& executor, CodexOptions options, std::size_t children);

/// Code::usage for servers that make no sense together with `options`; "where" names the option.
[[nodiscard]] Result<void>
check_codex_servers(const CodexOptions& options, const std::vector<CodexServer>& servers);

/// Likewise with servers instead of children; `servers` is not empty. open() does not wait for a
/// server that is away: health() reports it, and its threads are refused with Code::unavailable
/// until it is back. A turn that is left at the end goes on there.
[[nodiscard]] std::unique_ptr<Authority> make_codex_servers(
    const asio::any_io_executor& executor, CodexOptions options, std::vector<CodexServer> servers
);

} // namespace oa_stream::authority
