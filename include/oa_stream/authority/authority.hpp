// The one interface to whatever really runs turns: Codex app-server, worker control with Khala, or
// a recorded replay. Used from one io_context thread. Errors are values.
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
/// The texts, each on a line of its own; `between`: what else parts them.
[[nodiscard]] std::string
text_in_input(const std::vector<InputPart>& parts, std::string_view between = "\n");

/// A function of the client's that the model may call.
struct ClientTool {
    std::string name; ///< [A-Za-z0-9_-]{1,64}
    std::string description{};
    Json parameters = Json::object(); ///< JSON Schema
};
/// A call of such a function in an earlier message.
struct SeedCall {
    std::string id;
    std::string name;
    std::string arguments; ///< JSON
};

/// An earlier message with which a new thread is seeded (thread/inject_items). Calls and images
/// only where Capabilities::client_tools and ::images say so.
struct SeedMessage {
    enum class Role { user, assistant, tool } role = Role::user;
    std::string text;
    std::vector<InputPart> parts{}; ///< instead of `text`, where there are several or images
    std::vector<SeedCall> calls{};  ///< behind the text of an assistant
    std::string answers{};          ///< of a tool: the id of the call whose result it is
    turn::TextPhase phase{};        ///< of an assistant's text
};

struct TurnRequest {
    std::string owner{}; ///< who asks; empty without auth
    std::optional<std::string> thread{}; ///< the authority's id; unset: make a new thread
    std::vector<SeedMessage> seed{};     ///< only with a new thread
    std::string keep{}; ///< only with a new thread: text that Authority::kept() returns
    std::vector<InputPart> input; ///< may be empty behind a seed that ends with a tool's result
    /// Drop this turn and everything after it first (regenerate, edit). An authority whose
    /// capabilities say !can_revert answers Code::precondition.
    std::optional<std::string> revert_from_turn{};
    bool ephemeral = false; ///< no thread is kept
    std::string traceparent{};
    std::string client_message_id{};    ///< the user message's id; turns() returns it when kept
    std::string instructions{};         ///< replaces the base prompt; only with a new thread
    std::string effort{}; ///< reasoning effort of this turn alone; empty: the model's default
    std::string summary{}; ///< of reasoning: auto, concise or detailed; empty: as configured
    std::string model{}; ///< one of Capabilities::models; empty: the one the thread has
    std::string developer{}; ///< sent to the model before this turn, as developer instructions
    std::optional<Json> output_schema{}; ///< JSON Schema the answer must follow
    /// Approvals come as events and wait for answer_approval(); unset: they are declined.
    bool ask_approvals = false;
    /// Functions of the client's, only with a new thread. Where the model has called some of them
    /// the turn ends with Finish::tool_calls: their results come with the seed of a later request.
    std::vector<ClientTool> tools{};
    /// The turn does not end there: it waits for Turn::answer_call(). Also for a thread that was
    /// made with tools.
    bool wait_for_calls = false;
    /// Asked before each step that others would notice. False: the thread went to somebody else
    /// while this request stood still, and the start fails with Code::conflict. Unset: it is ours.
    std::function<bool()> ours{};
};

/// Before the name of a function in Error::where (Code::usage): its parameters are no schema that
/// the authority can read.
inline constexpr std::string_view k_function_at = "tools.";

/// The hint of an error behind which TurnRequest::revert_from_turn is dropped already.
inline constexpr std::string_view k_replaced_is_gone = "what it was to replace is dropped";

/// What a client's function returned.
struct CallResult {
    std::string call; ///< of the turn::ClientCall
    Json output{}; ///< of a failed one a string: why
    bool failed = false;
    friend bool operator==(const CallResult&, const CallResult&) = default;
};

using EventBatch = std::vector<turn::Event>;

/// Deliberate damage below the stream contract, for drills: the lane asks once before each frame.
class WireFaults {
public:
    WireFaults() = default;
    WireFaults(const WireFaults&) = delete;
    WireFaults& operator=(const WireFaults&) = delete;
    virtual ~WireFaults() = default;
    /// True: the next frame is to be written broken.
    [[nodiscard]] virtual bool corrupt_next() = 0;
};

/// Who polls a turn.
class TurnWaker {
public:
    TurnWaker() = default;
    TurnWaker(const TurnWaker&) = delete;
    TurnWaker& operator=(const TurnWaker&) = delete;
    /// Turn::poll() may have something: on the loop, never from within a call of the turn's.
    /// It may come without need.
    virtual void turn_ready() = 0;

protected:
    ~TurnWaker() = default;
};

/// A running turn. Dropping it interrupts the turn and forgets it.
class Turn {
public:
    Turn();
    virtual ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    [[nodiscard]] virtual const std::string& thread_id() const noexcept = 0;
    [[nodiscard]] virtual const std::string& turn_id() const noexcept = 0;
    [[nodiscard]] virtual const std::string& model() const noexcept = 0;

    /// True: `out`, which is empty, has whatever arrived since the last call, at least one event;
    /// the last of a turn is TurnEnded. False: nothing arrived, and `waker`, which outlives the
    /// turn, is called when that has changed. After TurnEnded, or after an error
    /// (Code::unavailable: the authority died – or, with where "eof", went away by itself without a
    /// terminal event, its events up to then being whole; Code::timeout: it never told the end;
    /// Code::protocol, Code::too_large), poll() must not be called again. A turn may be silent and
    /// last for as long as its caller lets it.
    /// failure_code_of() says what an error means to a client.
    [[nodiscard]] virtual Result<bool> poll(EventBatch& out, TurnWaker& waker) = 0;

    /// As poll(), for a coroutine that waits; the turn must live until then. A caller uses one of
    /// the two. Code::cancelled: the coroutine was; nothing is lost, next() may be called again.
    /// So it may where it ends with Code::timeout because nothing arrived by `deadline`.
    [[nodiscard]] Task<Result<EventBatch>> next(Clock::time_point deadline);

    /// Asks the authority to stop the turn; its TurnEnded then arrives through poll().
    /// Idempotent; does not wait for the end.
    virtual void interrupt() = 0;

    /// The same for a turn whose client is told that it failed so: its history then has
    /// PastTurn::failure, where the authority can keep that.
    virtual void interrupt_as_failed(turn::FailureCode /*why*/) { interrupt(); }

    /// From now on dropping the turn lets it run on. False: it cannot, it ends when dropped.
    [[nodiscard]] virtual bool leave() { return false; }

    /// A person's decision on an approval this turn asked for. Errors: Code::not_found when it is
    /// not (or no longer) waited for, Code::precondition when this authority never asks.
    [[nodiscard]] virtual Result<void> answer_approval(std::string_view id, bool approved) {
        static_cast<void>(approved);
        return fail(Code::precondition, "this authority asks for no approvals", std::string(id));
    }

    /// The result of a turn::ClientCall of a turn that waits for it. Errors: Code::not_found when
    /// it is not (or no longer) waited for, Code::precondition when this authority never asks.
    [[nodiscard]] virtual Result<void> answer_call(const CallResult& result) {
        return fail(Code::precondition, "this authority takes no functions", result.call);
    }

    /// nullptr (nearly always): frames are written as they are. Lives as long as the turn.
    [[nodiscard]] virtual WireFaults* wire_faults() noexcept { return nullptr; }

private:
    class Waiting;
    std::unique_ptr<Waiting> waiting_; ///< in next()
};

/// How an error of Turn::poll() is reported to clients: unavailable → authority_lost; timeout →
/// authority_timeout; too_large → overloaded; anything else → codex_error.
[[nodiscard]] turn::FailureCode failure_code_of(const Error& error) noexcept;

/// One earlier turn of a thread, as the authority reports it.
struct PastTurn {
    std::string id;
    turn::Outcome outcome = turn::Outcome::completed;
    std::string user_text; ///< text parts of the user's message, each on a line of its own
    std::vector<turn::Event> events{}; ///< whole parts and tools, grammar of turn/event.hpp
    std::int64_t started_at = 0; ///< Unix seconds, 0 when unknown
    std::optional<std::int64_t> completed_at{};
    std::optional<std::string> user_item_id{
    }; ///< id of the user message, when the authority has one
    std::optional<std::string> client_message_id{}; ///< the id the client gave it, when kept
    bool running = false; ///< not ended yet; `outcome` means nothing
    bool unknown = false; ///< nor whether it has ended is known: all there is is its question
    /// The user's message as it was sent, part by part; empty: `user_text` is all that is known.
    std::vector<InputPart> user_parts{};
    std::vector<std::int64_t> times_ms{}; ///< of `events`, Unix time each; empty: none is known
    std::string model{}; ///< that made the answer; empty: not known
    /// What its client was told, of a turn that was interrupted for it.
    std::optional<turn::FailureCode> failure{};
};

/// A part of a thread's turns.
struct TurnsQuery {
    enum class Detail {
        none, ///< ids, outcomes and times
        question, ///< and the user's message; of the answer at most a part
        all,
    };
    std::string thread;
    std::size_t limit = 50; ///< turns, at least 1
    bool newest_first = false;
    std::string from{}; ///< the turn to begin with; empty: at the end that comes first
    Detail detail = Detail::all;
    bool failures = false; ///< with PastTurn::failure, of which not every reader has need
    /// The thread is loaded before: of a turn that died with its process the authority may list the
    /// question only then.
    bool loaded = false;
};
struct TurnsPage {
    std::vector<PastTurn> turns{}; ///< in the order asked for
    bool more = false; ///< others follow
};

/// A thread as the authority lists it.
struct ThreadInfo {
    std::string id; ///< the authority's
    std::string title{}; ///< a name, else the first user text; empty when there is none yet
    std::int64_t created_at = 0; ///< Unix seconds, 0 when unknown
    std::int64_t updated_at = 0; ///< likewise
    std::string model{}; ///< of its newest turn; empty when unknown
    bool named = false; ///< the title is a name that somebody gave it
};

/// A model that turns may ask for.
struct ModelInfo {
    std::string id;
    std::vector<std::string> efforts{}; ///< reasoning efforts; empty: not known
    std::string default_effort{}; ///< empty: not known
};

/// Whose turns these are where nobody names a worker.
inline constexpr std::string_view k_usual_worker = "desktopw:shared";

struct Capabilities {
    std::string name; ///< "codex", "replay"
    std::string version{};
    std::string worker{}; ///< the one that runs all turns; empty: the word means nothing here
    bool can_revert = false; ///< regenerate and edit
    bool can_seed = false; ///< new thread with history
    bool instructions = false; ///< TurnRequest::instructions and ::output_schema
    bool developer = false; ///< TurnRequest::developer
    bool images = false;
    bool approvals = false; ///< can ask (TurnRequest::ask_approvals)
    bool client_tools = false; ///< TurnRequest::tools, and calls in a seed
    bool outlives = false; ///< turns outlive this process: Turn::leave(), join() and stop() work
    bool joins = false; ///< join() works, also where no turn can be left on purpose
    std::vector<std::string> replays{}; ///< replay only: capture names
    std::vector<std::string> efforts{}; ///< reasoning efforts of the model; empty: not known
    std::vector<ModelInfo> models{}; ///< what is known of those it was configured with
};

struct Health {
    bool ready = false;
    std::string reason{}; ///< why not, or (when ready) what to know; one safe line
};

/// One number for /metrics, without the product's prefix.
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

    /// Connects or spawns. Errors: Code::unavailable (no binary, or it died), Code::config (refused
    /// settings), Code::credentials (the provider's key is not set), Code::conflict (another
    /// process uses its folder), Code::precondition (another provider, sandbox or approval policy
    /// than configured).
    [[nodiscard]] virtual Task<Result<void>> open() = 0;
    /// Ends everything it started, within `grace`.
    [[nodiscard]] virtual Task<void> close(Millis grace) = 0;

    /// Returns once the authority accepted the turn. Errors: Code::unavailable (where
    /// "rate_limited": the model's provider takes no more for now; where "retry_after:N": in so
    /// many seconds), Code::credentials (where "client": the user's, not ours), Code::timeout
    /// (ambiguous; never retried), Code::not_found (thread), Code::precondition (revert
    /// unsupported, or no such turn), Code::conflict (a turn is running on that thread),
    /// Code::usage (the request makes no sense), Code::protocol.
    [[nodiscard]] virtual Task<Result<std::unique_ptr<Turn>>> start(TurnRequest request) = 0;

    /// The turn that runs on a thread although nobody here holds it: it was left, or this process
    /// died and came back. Told from its beginning, with whole parts where their pieces are gone;
    /// approvals that wait are asked again under their ids. `ask_approvals` as in TurnRequest.
    /// Code::not_found when none runs; Code::unavailable as start().
    [[nodiscard]] virtual Task<Result<std::unique_ptr<Turn>>>
    join(std::string thread, bool ask_approvals);
    /// False: join() would find no turn there. It costs less, and true also where only join() can
    /// tell. Errors as join().
    [[nodiscard]] virtual Task<Result<bool>> may_join(std::string thread);
    /// A turn that runs on a thread although nobody here holds it must stop; returns when the
    /// authority has heard it, also of one that has ended. Errors as join().
    [[nodiscard]] virtual Task<Result<void>> stop(std::string thread, std::string turn);
    /// The thread's newest turn, which completed while nobody held it: all of its events, as join()
    /// would have told them; the last is TurnEnded. Its history alone does not say whether text of
    /// it was lost. Code::not_found when `turn` is not that turn; Code::unavailable as start().
    [[nodiscard]] virtual Task<Result<EventBatch>> retell(std::string thread, std::string turn);

    /// Turns of a thread, oldest first. Code::not_found for an unknown one.
    [[nodiscard]] virtual Task<Result<std::vector<PastTurn>>> turns(std::string thread) = 0;

    /// Only as much as is asked for. Code::not_found for an unknown thread, Code::precondition when
    /// `from` is not a turn of it.
    [[nodiscard]] virtual Task<Result<TurnsPage>> turns_page(TurnsQuery query);

    /// Those of `ids` that exist, in the order given.
    [[nodiscard]] virtual Task<Result<std::vector<ThreadInfo>>> threads(std::vector<std::string> ids
    );
    /// Those whose messages hold the words, in any case of A–Z; other owners' may be among them.
    /// Code::precondition when it cannot search, Code::too_large when they are too many.
    [[nodiscard]] virtual Task<Result<std::vector<std::string>>>
    find_threads(std::string owner, std::string words);
    /// A thread without a turn; its first one may come much later, after a restart too. Of the
    /// request owner, seed and keep count. The id.
    [[nodiscard]] virtual Task<Result<std::string>> make_thread(TurnRequest request);
    /// Gives it a title of its own, which is not empty. Code::not_found for an unknown thread.
    [[nodiscard]] virtual Task<Result<void>> name_thread(std::string thread, std::string title);
    /// Nothing of it can be read any more. Code::not_found for an unknown thread, Code::conflict
    /// while a turn runs on it.
    [[nodiscard]] virtual Task<Result<void>> delete_thread(std::string thread);
    /// A new thread of the same owner with the turns up to and including `last_turn` (empty: all).
    /// They keep their ids. Its id. Errors as delete_thread().
    [[nodiscard]] virtual Task<Result<std::string>>
    fork_thread(std::string thread, std::string last_turn);

    /// TurnRequest::keep of the request that made the thread; empty: it had none. Code::not_found
    /// for an unknown thread.
    [[nodiscard]] virtual Task<Result<std::string>> kept(std::string thread);

    /// The one of several servers that has the thread: while one hangs, others may answer.
    [[nodiscard]] virtual std::string server_of(std::string_view /*thread*/) const { return {}; }

    [[nodiscard]] virtual Health health() const = 0;
    [[nodiscard]] virtual Capabilities capabilities() const = 0;
    /// What this authority counts about itself; the names never change while it lives.
    [[nodiscard]] virtual std::vector<Reading> readings() const { return {}; }
};

} // namespace oa_stream::authority
