// The interface to the system that runs turns: Codex app-server, worker control with Khala, or a
// recorded replay. All calls come from one io_context thread. Errors are values.
#pragma once

#include "oa_stream/base/task.hpp"
#include "oa_stream/turn/event.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace oa_stream::authority {

/// One piece of the user's input. Local paths never come from client data.
struct InputText {
    std::string text;
};
struct InputImage {
    std::string url; ///< data: or https: URL
};
using InputPart = std::variant<InputText, InputImage>;
/// Joins the text parts with a newline or with `between`; skips images.
[[nodiscard]] std::string
text_in_input(const std::vector<InputPart>& parts, std::string_view between = "\n");

/// A function of the client that the model may call.
struct ClientTool {
    std::string name; ///< [A-Za-z0-9_-]{1,64}
    std::string description{};
    Json parameters = Json::object(); ///< JSON Schema
};
/// The model's call of a client function in an earlier message.
struct SeedCall {
    std::string id;
    std::string name;
    std::string arguments; ///< JSON
};

/// An earlier message that seeds a new thread (thread/inject_items). Calls and images need
/// Capabilities::client_tools and ::images.
struct SeedMessage {
    enum class Role { user, assistant, tool } role = Role::user;
    std::string text;
    std::vector<InputPart> parts{}; ///< replaces `text` for several parts or images
    std::vector<SeedCall> calls{};  ///< an assistant message's calls, after its text
    std::string answers{};          ///< tool message: id of the call that it answers
    turn::TextPhase phase{};        ///< assistant message: phase of its text
};

struct TurnRequest {
    std::string owner{}; ///< the user who sent the request; empty without auth
    std::optional<std::string> thread{}; ///< the authority's id; unset: make a new thread
    std::vector<SeedMessage> seed{};     ///< only with a new thread
    std::string keep{}; ///< new thread only: text that Authority::kept() returns later
    std::vector<InputPart> input; ///< may be empty when the seed ends with a tool result
    /// First drops this turn and all later ones (regenerate, edit). Code::precondition when the
    /// capabilities have no can_revert.
    std::optional<std::string> revert_from_turn{};
    bool ephemeral = false; ///< the thread is not stored
    std::string traceparent{};
    /// id of the user message; turns() returns it if it is stored
    std::string client_message_id{};
    std::string instructions{}; ///< replaces the base prompt; only with a new thread
    std::string effort{}; ///< reasoning effort of this turn alone; empty: the model's default
    std::string summary{}; ///< of reasoning: auto, concise or detailed; empty: as configured
    std::string model{}; ///< one of Capabilities::models; empty: the one the thread has
    std::string developer{}; ///< developer instructions for the model, sent before this turn
    std::optional<Json> output_schema{}; ///< JSON Schema that the answer must follow
    /// Approvals arrive as events and wait for answer_approval(). False: they are declined.
    bool ask_approvals = false;
    /// Client functions, for a new thread only. After the model has called some of them, the turn
    /// ends with Finish::tool_calls; the seed of a later request carries their results.
    std::vector<ClientTool> tools{};
    /// The turn does not end at a client call but waits for Turn::answer_call(). Also valid for an
    /// existing thread that was created with tools.
    bool wait_for_calls = false;
    /// Called before each step that is visible to other lanes. False: another lane took over the
    /// thread while this request waited, and start() fails with Code::conflict. Unset: no check.
    std::function<bool()> ours{};
    bool probe = false; ///< an operator's, not a user's: it is not recorded
};

/// The N of "retry_after:N" in Error::where, 1 to 3600 seconds; nullopt: none is stated.
[[nodiscard]] std::optional<int> retry_after_of(const Error& error);
/// The N of "most_characters:N" in Error::where of Code::too_large; nullopt: none is stated.
[[nodiscard]] std::optional<int> most_characters_of(const Error& error);

/// Prefix of Error::where (Code::usage) before the name of a function whose parameters are not a
/// schema that the authority can read.
inline constexpr std::string_view k_function_at = "tools.";

/// Hint of an error that occurred after TurnRequest::revert_from_turn was already dropped.
inline constexpr std::string_view k_replaced_is_gone = "what it was to replace is dropped";

/// The result of a client function.
struct CallResult {
    std::string call; ///< id of the turn::ClientCall
    Json output{}; ///< if failed: a string with the reason
    bool failed = false;
    friend bool operator==(const CallResult&, const CallResult&) = default;
};

using EventBatch = std::vector<turn::Event>;

/// Deliberate frame corruption for drills. The lane calls it once before each frame.
class WireFaults {
public:
    WireFaults() = default;
    WireFaults(const WireFaults&) = delete;
    WireFaults& operator=(const WireFaults&) = delete;
    virtual ~WireFaults() = default;
    /// True: the next frame must be written malformed.
    [[nodiscard]] virtual bool corrupt_next() = 0;
};

/// Callback of the code that polls a turn.
class TurnWaker {
public:
    TurnWaker() = default;
    TurnWaker(const TurnWaker&) = delete;
    TurnWaker& operator=(const TurnWaker&) = delete;
    /// Turn::poll() may have events now. Called from the io_context loop, never from within a call
    /// on the turn. Spurious calls are possible.
    virtual void turn_ready() = 0;

protected:
    ~TurnWaker() = default;
};

/// A running turn. Destroying it interrupts the turn and discards its events, except after leave().
class Turn {
public:
    Turn();
    virtual ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    [[nodiscard]] virtual const std::string& thread_id() const noexcept = 0;
    [[nodiscard]] virtual const std::string& turn_id() const noexcept = 0;
    [[nodiscard]] virtual const std::string& model() const noexcept = 0;

    /// True: fills `out`, which must be empty, with the events since the last call, at least one; a
    /// turn's last event is TurnEnded. False: nothing arrived; `waker`, which must outlive the
    /// turn, is called when events arrive. After TurnEnded or an error poll() must not be called
    /// again. There is no time limit: a turn may be silent and last as long as its caller allows.
    ///
    /// Errors: Code::unavailable (the authority died; with where "eof" its event stream ended
    /// without a terminal event, but complete up to there), Code::timeout (the authority never
    /// reported the end), Code::protocol, Code::too_large. failure_code_of() maps an error to what
    /// clients see.
    [[nodiscard]] virtual Result<bool> poll(EventBatch& out, TurnWaker& waker) = 0;

    /// poll() for a waiting coroutine; the turn must live until it returns. A caller uses either
    /// poll() or next(). Code::cancelled: the coroutine was cancelled. Code::timeout: nothing
    /// arrived by `deadline`. Neither loses events: next() may be called again.
    [[nodiscard]] Task<Result<EventBatch>> next(Clock::time_point deadline);

    /// Requests the authority to stop the turn; TurnEnded then arrives through poll(). Idempotent;
    /// does not wait for the end.
    virtual void interrupt() = 0;

    /// Interrupts a turn whose client receives this failure. Its history then has
    /// PastTurn::failure, if the authority can store that.
    virtual void interrupt_as_failed(turn::FailureCode /*why*/) { interrupt(); }

    /// From now on the turn continues after its handle is destroyed. False: not supported; the turn
    /// ends with the handle.
    [[nodiscard]] virtual bool leave() { return false; }

    /// A person's decision on an approval of this turn. Errors: Code::not_found when the approval
    /// is not (or no longer) pending, Code::precondition when this authority never requests
    /// approvals.
    [[nodiscard]] virtual Result<void> answer_approval(std::string_view id, bool approved) {
        static_cast<void>(approved);
        return fail(Code::precondition, "this authority asks for no approvals", std::string(id));
    }

    /// The result of a turn::ClientCall for which the turn waits. Errors: Code::not_found when the
    /// call is not (or no longer) pending, Code::precondition when this authority supports no
    /// client functions.
    [[nodiscard]] virtual Result<void> answer_call(const CallResult& result) {
        return fail(Code::precondition, "this authority takes no functions", result.call);
    }

    /// nullptr, the normal case: frames are written unchanged. Lives as long as the turn.
    [[nodiscard]] virtual WireFaults* wire_faults() noexcept { return nullptr; }

private:
    class Waiting;
    std::unique_ptr<Waiting> waiting_; ///< used by next()
};

/// How an error of Turn::poll() is reported to clients: unavailable → authority_lost; timeout →
/// authority_timeout; too_large → overloaded; anything else → codex_error.
[[nodiscard]] turn::FailureCode failure_code_of(const Error& error) noexcept;

/// One earlier turn of a thread, as the authority reports it.
struct PastTurn {
    std::string id;
    turn::Outcome outcome = turn::Outcome::completed;
    std::string user_text; ///< text parts of the user's message, one per line
    std::vector<turn::Event> events{}; ///< complete parts and tools; grammar of turn/event.hpp
    std::int64_t started_at = 0; ///< Unix seconds, 0 when unknown
    std::optional<std::int64_t> completed_at{};
    std::optional<std::string> user_item_id{
    }; ///< id of the user message, when the authority has one
    /// the client's id of that message, if it is stored
    std::optional<std::string> client_message_id{};
    bool running = false; ///< not ended yet; `outcome` is then meaningless
    bool unknown = false; ///< unknown whether it has ended; only the user message is known
    /// The parts of the user's message as sent. Empty: only `user_text` is known.
    std::vector<InputPart> user_parts{};
    std::vector<std::int64_t> times_ms{}; ///< Unix time of each entry of `events`; empty: unknown
    std::string model{}; ///< model of the answer; empty: unknown
    /// The failure sent to the client, for a turn that was interrupted because of it.
    std::optional<turn::FailureCode> failure{};
};

/// Selects a range of a thread's turns.
struct TurnsQuery {
    enum class Detail {
        none, ///< ids, outcomes and times
        question, ///< plus the user's message; of the answer at most a part
        all,
    };
    std::string thread;
    std::size_t limit = 50; ///< turns, at least 1
    bool newest_first = false;
    std::string from{}; ///< first turn to return; empty: start at the first in order
    Detail detail = Detail::all;
    bool failures = false; ///< fill PastTurn::failure; costs extra, not every caller needs it
    /// Load the thread first. Without that, the authority may not list the user message of a turn
    /// that died with its process.
    bool loaded = false;
    /// A client's read of a history, which can be large: it may wait for others. Unset: it does not
    /// wait.
    struct Reader {
        std::string owner;
        std::function<bool()> left; ///< whether the client has left; checked after the wait
    };
    std::optional<Reader> reader{};
};
struct TurnsPage {
    std::vector<PastTurn> turns{}; ///< in the requested order
    bool more = false; ///< more turns follow
};

/// A thread as the authority lists it.
struct ThreadInfo {
    std::string id; ///< the authority's thread id
    std::string title{}; ///< its name, else the first user text; empty: none yet
    std::int64_t created_at = 0; ///< Unix seconds, 0 when unknown
    std::int64_t updated_at = 0; ///< likewise
    std::string model{}; ///< of its newest turn; empty when unknown
    bool named = false; ///< the title was set explicitly
};

/// A model that a turn may request.
struct ModelInfo {
    std::string id;
    std::vector<std::string> efforts{}; ///< reasoning efforts; empty: not known
    std::string default_effort{}; ///< empty: not known
};

/// The worker that runs the turns when no other is configured.
inline constexpr std::string_view k_usual_worker = "desktopw:shared";

struct Capabilities {
    std::string name; ///< "codex", "replay"
    std::string version{};
    std::string worker{}; ///< the worker that runs all turns; empty: not applicable
    bool can_revert = false; ///< regenerate and edit
    bool can_seed = false; ///< new thread with history
    bool instructions = false; ///< TurnRequest::instructions and ::output_schema
    bool developer = false; ///< TurnRequest::developer
    bool images = false;
    bool approvals = false; ///< supports TurnRequest::ask_approvals
    bool client_tools = false; ///< TurnRequest::tools, and calls in a seed
    bool outlives = false; ///< turns outlive this process: leave(), join(), stop() work
    bool joins = false; ///< join() works, even if Turn::leave() does not
    std::vector<std::string> efforts{}; ///< reasoning efforts of the model; empty: unknown
    std::vector<ModelInfo> models{}; ///< known facts about the configured models
};

struct Health {
    bool ready = false;
    std::string reason{}; ///< why not ready, or a note when ready; one line, safe to show
};

/// One value for /metrics, without the product's prefix.
struct Reading {
    std::string_view name; ///< static; [a-z_]+, counters end in _total
    std::string_view help; ///< static; one line
    double value = 0;
};

class Authority {
public:
    virtual ~Authority() = default;
    Authority() = default;
    Authority(const Authority&) = delete;
    Authority& operator=(const Authority&) = delete;

    /// Connects or spawns. Errors: Code::unavailable (no binary, or it died), Code::config
    /// (settings were refused), Code::credentials (the provider's key is not set), Code::conflict
    /// (another process uses its folder), Code::precondition (provider, sandbox or approval policy
    /// differs from the configuration).
    [[nodiscard]] virtual Task<Result<void>> open() = 0;
    /// Ends everything that open() and start() began, within `grace`.
    [[nodiscard]] virtual Task<void> close(Millis grace) = 0;

    /// Returns when the authority has accepted the turn. Errors: Code::unavailable (where
    /// "rate_limited": the model's provider accepts no more requests for now; where
    /// "retry_after:N": try again in N seconds), Code::credentials (where "client": the user's
    /// credentials, not the lane's), Code::timeout (ambiguous; never retried), Code::not_found
    /// (thread), Code::precondition (revert unsupported, or unknown turn), Code::conflict (a turn
    /// is running on that thread), Code::usage (invalid request), Code::protocol.
    [[nodiscard]] virtual Task<Result<std::unique_ptr<Turn>>> start(TurnRequest request) = 0;

    /// Attaches to a turn that runs on the thread without a handle in this process: it was left, or
    /// this process restarted. Delivers its events from the beginning; parts whose deltas are lost
    /// arrive whole. Pending approvals are requested again under their ids. `ask_approvals` as in
    /// TurnRequest. Code::not_found when no turn runs; Code::unavailable as for start().
    [[nodiscard]] virtual Task<Result<std::unique_ptr<Turn>>>
    join(std::string thread, bool ask_approvals);
    /// A cheaper check before join(). False: join() would find no turn. True: it may find one; only
    /// join() itself can be sure. Errors as for join().
    [[nodiscard]] virtual Task<Result<bool>> may_join(std::string thread);
    /// Stops a turn that runs without a handle in this process. Returns when the authority has
    /// confirmed the request, even if the turn had already ended. Errors as for join().
    [[nodiscard]] virtual Task<Result<void>> stop(std::string thread, std::string turn);
    /// All events of the thread's newest turn, which completed without a handle, as join() would
    /// have delivered them; the last is TurnEnded. The history alone does not show whether text was
    /// lost. Code::not_found when `turn` is not the newest turn; Code::unavailable as for start().
    [[nodiscard]] virtual Task<Result<EventBatch>> retell(std::string thread, std::string turn);

    /// All turns of a thread, oldest first. Code::not_found for an unknown thread.
    [[nodiscard]] virtual Task<Result<std::vector<PastTurn>>> turns(std::string thread) = 0;

    /// The turns that the query selects. Code::not_found for an unknown thread, Code::precondition
    /// when `from` is not a turn of it.
    [[nodiscard]] virtual Task<Result<TurnsPage>> turns_page(TurnsQuery query);

    /// The existing threads among `ids`, in the order of `ids`.
    [[nodiscard]] virtual Task<Result<std::vector<ThreadInfo>>> threads(std::vector<std::string> ids
    );
    /// Ids of threads whose messages contain the words; ignores the case of A–Z. The result may
    /// include threads of other owners. Code::precondition when the authority cannot search,
    /// Code::too_large when too many match.
    [[nodiscard]] virtual Task<Result<std::vector<std::string>>>
    find_threads(std::string owner, std::string words);
    /// Creates a thread without a turn; its first turn may come much later, even after a restart.
    /// Uses only the request's owner, seed and keep. Returns the thread's id.
    [[nodiscard]] virtual Task<Result<std::string>> make_thread(TurnRequest request);
    /// Sets the title, which must not be empty. Code::not_found for an unknown thread.
    [[nodiscard]] virtual Task<Result<void>> name_thread(std::string thread, std::string title);
    /// Makes the thread unreadable. Code::not_found for an unknown thread, Code::conflict while a
    /// turn runs on it.
    [[nodiscard]] virtual Task<Result<void>> delete_thread(std::string thread);
    /// Copies the turns up to and including `last_turn` (empty: all) to a new thread of the same
    /// owner. The turns keep their ids. Returns the new thread's id. Errors as for delete_thread().
    [[nodiscard]] virtual Task<Result<std::string>>
    fork_thread(std::string thread, std::string last_turn);

    /// TurnRequest::keep of the request that created the thread; empty: none was given.
    /// Code::not_found for an unknown thread.
    [[nodiscard]] virtual Task<Result<std::string>> kept(std::string thread);

    /// The server that holds the thread, of several. While one server hangs, the others may answer.
    [[nodiscard]] virtual std::string server_of(std::string_view /*thread*/) const { return {}; }

    [[nodiscard]] virtual Health health() const = 0;
    [[nodiscard]] virtual Capabilities capabilities() const = 0;
    /// The authority's own metrics; their names never change while it lives.
    [[nodiscard]] virtual std::vector<Reading> readings() const { return {}; }
};

} // namespace oa_stream::authority
