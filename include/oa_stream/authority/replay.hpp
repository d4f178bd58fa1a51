// The replay authority: plays recorded turns. Deterministic; what demos, rehearsals, drills and
// load tests run on. Threads live in memory only.
//
// Differences to codex that a reader should know: a seed is listed by turns() as earlier turns
// (codex keeps it, but out of sight), and the answer never depends on it; a turn on an unknown
// thread begins that thread again (a restarted process has forgotten it), only turns() says not
// found.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/authority/capture.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace oa_stream::authority {

/// How fast a recording is played.
struct Pace {
    bool immediate = false;
    double factor = 1.0; ///< 2: twice as fast as recorded

    /// "recorded", "immediate", "xN" (N a decimal number, 0.01–10000). Code::usage otherwise.
    [[nodiscard]] static Result<Pace> parse(std::string_view text);
};

/// What Pace::parse() takes, or how that begins.
[[nodiscard]] std::span<const std::string_view> pace_words();

/// Deliberate trouble. Probabilities are per turn, 0–1, decided by `seed` and the turn's number:
/// the same options give the same turns the same fate.
struct ReplayFaults {
    double error_rate = 0; ///< fails in the stream, half way, with turn_failed
    double malformed = 0;  ///< one frame of the turn is written broken (Turn::wire_faults())
    double stall = 0;      ///< half way nothing more comes
    double truncate = 0;   ///< from one frame on nothing more is written, not even an ending
    double http_error = 0; ///< start() fails: Code::protocol, which the lane answers with 502
    double auth_error = 0; ///< start() fails: Code::credentials of the client, answered with 401
    double forget = 0;     ///< an existing thread has lost its turns
    double drop = 0;       ///< half way the authority is gone (Code::unavailable)
    Millis latency{0};     ///< everything after TurnStarted comes so much later
    Millis gap{0};         ///< everything from the second piece of content on comes so much later
    double slow = 1;       ///< gaps between events are so many times as long (≥ 1)
    std::optional<std::uint64_t> kill_at{}; ///< that turn (from 1) ends the process half way
    std::uint64_t seed = 1;

    friend bool operator==(const ReplayFaults&, const ReplayFaults&) = default;
};

/// Adds one fault by name: "error-rate=0.2", "malformed=0.1", "truncate=0.1",
/// "http-error=0.1", "auth-error=0.1", "forget=1", "stall=1", "drop=0.5", "latency=800ms",
/// "gap=2s", "slow=3", "kill" (the next turn), "kill=7", "seed=42". Code::usage naming the kinds
/// otherwise.
[[nodiscard]] Result<void> add_fault(ReplayFaults& faults, std::string_view text);
/// How each kind of fault begins: "error-rate=", "kill".
[[nodiscard]] std::span<const std::string_view> fault_words();

struct ReplayOptions {
    std::filesystem::path directory{}; ///< of *.jsonl captures; empty: the built-in set
    Pace pace{};
    ReplayFaults faults{};
    /// One fault per line as for add_fault(); read again whenever the file changes, checked at each
    /// start(). While it exists it replaces `faults`; so a drill reaches a running process.
    std::filesystem::path faults_file{};
    std::size_t max_threads = 10'000; ///< the least recently used one is forgotten beyond that
    /// Of all messages that are kept, with their images; the same beyond that.
    std::size_t max_bytes = 256U << 20U;
    /// What a kill does; default: SIGKILL to this process.
    std::function<void()> kill{};
};

class ReplayAuthority : public Authority {
public:
    /// Applies to turns started from now on; a kill counts from here. A faults_file, once there,
    /// wins.
    virtual void set_faults(const ReplayFaults& faults) = 0;
    [[nodiscard]] virtual const ReplayFaults& faults() const noexcept = 0;
};

/// Loads the recordings; captures without a turn are left out. Errors: Code::unreadable (folder,
/// capture or faults file), Code::not_found when nothing playable is in the folder, Code::usage
/// (the faults file). Turn::next() after a recording that just stops is Code::unavailable. A prompt
/// with the word `replay:NAME` plays that recording (whole name, or its number or title alone:
/// "02-text-paced", "02", "text-paced"), an unknown NAME is Code::precondition; any other prompt
/// takes the next completed one in turn.
///
/// A test dialect for conformance and load tests: a prompt with `scenario:NAME;key=value…` (it ends
/// at white space, values are percent-encoded, the last one counts) plays a turn made up for it.
/// The same prompt always plays the same turn. Its times are as asked, whatever the pace; faults
/// apply. A NAME that is not in this table is not a scenario.
///
///   capabilities         "scenarios: NAME NAME …"
///   echo      text       exactly that text (ok)
///   words     n          "w1 w2 … wn" (3), a delta each
///   empty                completes without text
///   unicode, tricky      text that breaks careless decoders: a delta per code point, two deltas
///   truncate  n          words, then cut by the output limit
///   eof       n          words and counts, then the events end without a terminal one
///   fail-mid  n, msg     words, then failed; msg is the error's text
///   stall     n, ms      words and counts, then silence for ms (1000), then completes
///   http-500, http-429   start() fails: Code::protocol; Code::unavailable where "rate_limited"
///   find      a, b       "found" when a+b occurs in instructions, seed or input, else "missing"
///   stats                "started=N interrupted=N completed=N", without stats and capabilities
///
/// Words come `delay` (5) ms apart, the first text after `first` (0) ms. All report `in` (10),
/// `out` (the number of deltas), `cached` (0) and `reasoning` (0) tokens; none with `nousage=1`.
[[nodiscard]] Result<std::unique_ptr<ReplayAuthority>>
make_replay_authority(const asio::any_io_executor& executor, ReplayOptions options);

} // namespace oa_stream::authority
