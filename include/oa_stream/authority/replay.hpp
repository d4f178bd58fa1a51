// The replay authority: plays recorded turns. Deterministic; used by demos, rehearsals, drills and
// load tests. Threads live in memory only.
//
// Differences to codex: turns() lists a seed as earlier turns (codex stores it but does not list
// it), and the answer never depends on it. A turn on an unknown thread creates that thread again,
// because a restarted process has lost it; only turns() returns Code::not_found.
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

/// The words that Pace::parse() accepts, or their prefixes.
[[nodiscard]] std::span<const std::string_view> pace_words();

/// Injected faults. Probabilities are per turn, 0–1. `seed` and the turn's number decide, so the
/// same options give the same turns the same faults.
struct ReplayFaults {
    double error_rate = 0; ///< fails half way in the stream, with turn_failed
    double malformed = 0;  ///< one frame of the turn is written broken (Turn::wire_faults())
    double stall = 0;      ///< half way the events stop
    double truncate = 0;   ///< from one frame on nothing is written, not even an ending
    double http_error = 0; ///< start() fails: Code::protocol, which the lane answers with 502
    double auth_error = 0; ///< start() fails: Code::credentials of the client, answered with 401
    double forget = 0;     ///< an existing thread loses its turns
    double drop = 0;       ///< half way the authority is lost (Code::unavailable)
    Millis latency{0};     ///< delays everything after TurnStarted
    Millis gap{0};         ///< delays everything from the second piece of content on
    double slow = 1;       ///< factor on the gaps between events (≥ 1)
    /// number of the turn (from 1) that ends the process half way
    std::optional<std::uint64_t> kill_at{};
    std::uint64_t seed = 1;

    friend bool operator==(const ReplayFaults&, const ReplayFaults&) = default;
};

/// Sets one fault by name: "error-rate=0.2", "malformed=0.1", "truncate=0.1", "http-error=0.1",
/// "auth-error=0.1", "forget=1", "stall=1", "drop=0.5", "latency=800ms", "gap=2s", "slow=3", "kill"
/// (the next turn), "kill=7", "seed=42". Otherwise Code::usage with a list of the kinds.
[[nodiscard]] Result<void> add_fault(ReplayFaults& faults, std::string_view text);
/// The prefix of each kind of fault: "error-rate=", "kill".
[[nodiscard]] std::span<const std::string_view> fault_words();

struct ReplayOptions {
    std::filesystem::path directory{}; ///< of *.jsonl captures; empty: the built-in set
    Pace pace{};
    ReplayFaults faults{};
    /// One fault per line as for add_fault(). Checked at each start() and read again when the file
    /// changes. While it exists it replaces `faults`, so a drill can inject faults into a running
    /// process.
    std::filesystem::path faults_file{};
    std::size_t max_threads = 10'000; ///< above this the least recently used thread is dropped
    /// Limit for all stored messages with their images; also enforced by dropping threads.
    std::size_t max_bytes = 256U << 20U;
    /// Replaces the effect of a kill; default: SIGKILL to this process.
    std::function<void()> kill{};
};

class ReplayAuthority : public Authority {
public:
    /// Applies to turns started from now on; a kill counts turns from here. An existing faults_file
    /// takes precedence.
    virtual void set_faults(const ReplayFaults& faults) = 0;
    [[nodiscard]] virtual const ReplayFaults& faults() const noexcept = 0;
};

/// Loads the recordings; captures without a turn are skipped. Errors: Code::unreadable (folder,
/// capture or faults file), Code::not_found when the folder has no playable capture, Code::usage
/// (the faults file). Turn::next() returns Code::unavailable after a recording without an end. A
/// prompt with the word `replay:NAME` plays that recording (whole name, or only its number or
/// title: "02-text-paced", "02", "text-paced"); an unknown NAME is Code::precondition. Any other
/// prompt plays the next completed recording in rotation.
///
/// A test dialect for conformance and load tests: a prompt with `scenario:NAME;key=value…` (it ends
/// at white space, values are percent-encoded, the last duplicate wins) plays a synthetic turn. The
/// same prompt always plays the same turn. The pace does not change its times; faults apply. A NAME
/// that is not in this table is not a scenario.
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
/// Words come `delay` (5) ms apart, the first text after `first` (0) ms. All scenarios report `in`
/// (10), `out` (the number of deltas), `cached` (0) and `reasoning` (0) tokens; none with
/// `nousage=1`.
[[nodiscard]] Result<std::unique_ptr<ReplayAuthority>>
make_replay_authority(const asio::any_io_executor& executor, ReplayOptions options);

} // namespace oa_stream::authority
