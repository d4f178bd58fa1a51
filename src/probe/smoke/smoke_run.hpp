// What the steps of a smoke share: the target, what was learnt about it, and the checks so far.
#pragma once

#include "oa_stream/base/lists.hpp"
#include "oa_stream/probe/smoke.hpp"

#include "smoke_checks.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::probe {

/// A prompt and what is known of its answer.
struct Ask {
    std::string prompt;
    std::string expect{};               ///< must occur in the text
    std::optional<Millis> paced_over{}; ///< see judge_pacing()
};

/// One happy path.
struct Happy {
    std::string_view route; ///< the name of its check
    std::string thread;
    std::string user_text;
    ProbeSample sample;
};

struct Smoke : SmokeChecks {
    Smoke(net::HttpClient* to, SmokeOptions given)
        : SmokeChecks{smoke_rules(), given.id_prefix, given.on_check}, client(to),
          options(std::move(given)) {}

    net::HttpClient* client;
    SmokeOptions options;

    // Learnt from /version.
    bool named = false;   ///< the target says what it is: the whole contract applies
    bool replay = false;
    bool unpaced = false; ///< a replay that says it plays at another pace than the recorded one
    bool unreachable = false;
    std::string unreachable_why{};

    /// To be tried in turn: a replay refuses a recording that it does not have with 422. The one
    /// that was taken stays alone.
    std::vector<Ask> asks{};
    [[nodiscard]] const Ask& ask() const { return asks.front(); }

    std::vector<Happy> happy{};
    /// The first of them that is so; null: none is.
    [[nodiscard]] const Happy* first(auto is) const { return find_if_or_null(happy, is); }
    std::vector<std::string> threads{}; ///< of turns begun
    std::vector<std::string> opened{}; ///< and of those that failed, perhaps after their thread
    std::uint64_t turns = 0;

    [[nodiscard]] std::string thread() const;
    /// A whole answer; the target's limits apply, 1 MiB of body at most.
    [[nodiscard]] Task<net::ClientResponse> fetch(net::ClientRequest request) const;
    [[nodiscard]] Task<net::ClientResponse> get(std::string path) const;
    /// A POST to a stream route that must be refused before its stream.
    [[nodiscard]] Task<net::ClientResponse> refused_post(Target target, std::string body) const;
    /// A probe whose bytes are kept as `name`, a check's name or "<check>+<more>"; begun turns are
    /// counted.
    [[nodiscard]] Task<ProbeSample>
    probe(std::string name, std::string thread, ProbeRequest request);
    /// An answer to a request that may have begun one.
    void note_turn(const std::string& thread, const ProbeSample& answer);
};
using SmokePtr = std::shared_ptr<Smoke>;

/// "" when the answer is the refusal that was asked for: that status, JSON, the error envelope and
/// (unless `code` is empty) that code. Else one sentence: expected and seen.
[[nodiscard]] std::string
judge_refusal(const net::ClientResponse& answer, int status, std::string_view code = {});
/// One wrong handshake and the code it must be refused with: 426, its body and its window headers.
[[nodiscard]] std::string judge_compat(const net::ClientResponse& answer, std::string_view code);
/// "HTTP 404 not_found", "refused: …" – what came instead of an answer.
[[nodiscard]] std::string seen(const net::ClientResponse& answer);
/// True when the target proved nothing: no connection.
[[nodiscard]] bool is_unreachable(const net::ClientResponse& answer) noexcept;
/// True when the target says that it has no such route.
[[nodiscard]] bool no_such_route(int status) noexcept;
/// How long the target asks to wait, when that is why it refused: 429 or 503 with Retry-After.
[[nodiscard]] std::optional<Millis> asked_to_wait(const net::ClientResponse& answer);
/// True when no turn so far was let in.
[[nodiscard]] bool refused_us(const Smoke& smoke);
/// True when content.messages passed: what /messages says can be held against other turns.
[[nodiscard]] bool lists_turns(const Smoke& smoke);
/// Reports the verdict of a refusal: PASS, FAIL with the sentence, or ERROR without a connection.
void report_refusal(
    Smoke& smoke, std::string_view name, const net::ClientResponse& answer, const std::string& wrong
);

// The steps, in order.
[[nodiscard]] Task<void> smoke_reach(SmokePtr smoke);
[[nodiscard]] Task<void> smoke_unknown_thread(SmokePtr smoke);
[[nodiscard]] Task<void> smoke_happy(SmokePtr smoke);
void smoke_headers(Smoke& smoke);
[[nodiscard]] Task<void> smoke_streaming(SmokePtr smoke);
[[nodiscard]] Task<void> smoke_afterwards(SmokePtr smoke);
[[nodiscard]] Task<void> smoke_auth(SmokePtr smoke);
[[nodiscard]] Task<void> smoke_compat(SmokePtr smoke);
[[nodiscard]] Task<void> smoke_reject(SmokePtr smoke);
[[nodiscard]] Task<void> smoke_replayed(SmokePtr smoke);
[[nodiscard]] Task<void> smoke_lifetime(SmokePtr smoke);
[[nodiscard]] Task<void> smoke_concurrency(SmokePtr smoke);

/// Above the minute after which a limit of requests has room again.
inline constexpr Millis k_longest_wait{70'000};

/// What the thread's /messages say of its one completed turn.
struct MessagesSeen {
    bool reached = true; ///< there was a connection
    bool absent = false; ///< the target serves no such list
    std::string wrong{}; ///< "" when both sides are listed once, as sent and streamed
};
/// Looks again while no answer is listed, for 2 s, and as long as a refusal asks to wait, for
/// k_longest_wait at most.
[[nodiscard]] Task<MessagesSeen>
seen_in_messages(SmokePtr smoke, std::string thread, std::string user_text, std::string text);

inline constexpr std::string_view k_over_before =
    "the turn was over before it could be interrupted; use a longer --prompt";
/// What the thread's list of runs says of a turn.
struct StateSeen {
    bool listed = false; ///< a list came
    bool absent = false; ///< the target has no such list
    bool reached = false; ///< there was a connection
    bool limited = false; ///< asked to come again later
    std::string status{};
    std::string http{};
    double after_s = 0; ///< since it was asked for
};
/// Looks until the turn is no longer running, for 2 s and `more`. An empty `turn` means the oldest.
[[nodiscard]] Task<StateSeen>
run_state(SmokePtr smoke, std::string thread, std::string turn, Millis more);
/// `before_s` passed before the looking began; it has to be interrupted within 2 s and `grace`.
void report_state(
    Smoke& smoke, std::string_view name, const StateSeen& state, double before_s, Millis grace
);

/// What must hold of a happy path is known: content came while it was made, over some time.
[[nodiscard]] bool flows(const Smoke& smoke);

/// The verdict on a stream that should have been a completed answer. "" when it was.
[[nodiscard]] std::string wrong_with_answer(const ProbeSample& sample, std::string_view expect);
/// What the head of a resume lacks and no happy path does: headers.* cannot show that. "": nothing.
[[nodiscard]] std::string wrong_with_head_alone(const Smoke& smoke, const ProbeSample& resumed);

} // namespace oa_stream::probe
