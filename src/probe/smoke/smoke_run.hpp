// State shared by the steps of a smoke: the target, the facts learnt about it, and the checks so
// far.
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

/// A prompt and the known properties of its answer.
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

    // From /version.
    bool named = false; ///< the target identifies itself: the whole contract applies
    bool replay = false;
    bool unpaced = false; ///< a replay that reports another pace than the recorded one
    bool unreachable = false;
    std::string unreachable_why{};

    /// Tried in turn, because a replay refuses an unknown recording with 422. Only the accepted one
    /// is kept.
    std::vector<Ask> asks{};
    [[nodiscard]] const Ask& ask() const { return asks.front(); }

    std::vector<Happy> happy{};
    /// The first one for which `is` holds; null: none.
    [[nodiscard]] const Happy* first(auto is) const { return find_if_or_null(happy, is); }
    std::vector<std::string> threads{}; ///< of turns begun
    /// Including turns that failed, perhaps after their thread was created.
    std::vector<std::string> opened{};
    std::uint64_t turns = 0;

    [[nodiscard]] std::string thread() const;
    /// Fetches a complete answer within the target's limits and at most 1 MiB of body.
    [[nodiscard]] Task<net::ClientResponse> fetch(net::ClientRequest request);
    [[nodiscard]] Task<net::ClientResponse> get(std::string path);
    /// A GET that its caller repeats where the target requests it, and only then notes the wait.
    [[nodiscard]] Task<net::ClientResponse> look(std::string path) const;
    /// A POST to a stream route that must be refused before the stream begins.
    [[nodiscard]] Task<net::ClientResponse> refused_post(Target target, std::string body);
    /// A probe whose bytes are stored as `name`, a check's name or "<check>+<more>"; counts turns
    /// that began.
    [[nodiscard]] Task<ProbeSample>
    probe(std::string name, std::string thread, ProbeRequest request);
    /// Records a turn that the request may have begun.
    void note_turn(const std::string& thread, const ProbeSample& answer);
};
using SmokePtr = std::shared_ptr<Smoke>;

/// "" when the answer is the expected refusal: that status, JSON, the error envelope and (unless
/// `code` is empty) that code. Otherwise one sentence with the expected and the seen answer.
[[nodiscard]] std::string
judge_refusal(const net::ClientResponse& answer, int status, std::string_view code = {});
/// Judges the refusal of a wrong handshake: 426, the code, its body and its window headers.
[[nodiscard]] std::string judge_compat(const net::ClientResponse& answer, std::string_view code);
/// "HTTP 404 not_found", "refused: …": the unexpected answer.
[[nodiscard]] std::string seen(const net::ClientResponse& answer);
/// True when the target proved nothing, because there was no connection.
[[nodiscard]] bool is_unreachable(const net::ClientResponse& answer) noexcept;
/// True when the target reports that it has no such route.
[[nodiscard]] bool no_such_route(int status) noexcept;
/// True when no turn so far was accepted.
[[nodiscard]] bool refused_us(const Smoke& smoke);
/// True when content.messages passed, so that /messages can be compared with other turns.
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

/// A little more than the minute after which a rate limit allows requests again.
inline constexpr Millis k_longest_wait{70'000};

/// What the thread's /messages list for its only completed turn.
struct MessagesSeen {
    bool reached = true; ///< there was a connection
    bool absent = false; ///< the target serves no such list
    std::string wrong{}; ///< "" when both sides are listed once, as sent and streamed
};
/// Reads again while no answer is listed, for 2 s, and as long as a refusal requests, at most
/// k_longest_wait.
[[nodiscard]] Task<MessagesSeen>
seen_in_messages(SmokePtr smoke, std::string thread, std::string user_text, std::string text);

inline constexpr std::string_view k_over_before =
    "the turn was over before it could be interrupted; use a longer --prompt";
/// What the thread's list of runs shows for a turn.
struct StateSeen {
    bool listed = false; ///< a list was received
    bool absent = false; ///< the target has no such list
    bool reached = false; ///< there was a connection
    std::string status{};
    std::string http{};
    double after_s = 0; ///< seconds since it was requested
};
/// Reads until the turn is no longer running, for 2 s plus `more`. An empty `turn` means the
/// oldest.
[[nodiscard]] Task<StateSeen>
run_state(SmokePtr smoke, std::string thread, std::string turn, Millis more);
/// `before_s`: seconds before the first read. The turn must be interrupted within 2 s plus `grace`.
void report_state(
    Smoke& smoke, std::string_view name, const StateSeen& state, double before_s, Millis grace
);

/// It is known that content arrived while it was produced, over some time.
[[nodiscard]] bool flows(const Smoke& smoke);

/// The fault in a stream that should be a completed answer; "" when there is none.
[[nodiscard]] std::string wrong_with_answer(const ProbeSample& sample, std::string_view expect);
/// Required headers that a resume's head lacks although every happy path has them, which headers.*
/// cannot show. "": none.
[[nodiscard]] std::string wrong_with_head_alone(const Smoke& smoke, const ProbeSample& resumed);

} // namespace oa_stream::probe
