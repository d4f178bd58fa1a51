// One streaming request against a lane, timed and judged by the contract's machine.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/base/redact.hpp"
#include "oa_stream/base/secret.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/contract/judge.hpp"
#include "oa_stream/net/http_client.hpp"
#include "oa_stream/net/oa_headers.hpp"
#include "oa_stream/probe/pacing.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::probe {

/// How a probe ended; the words are in measure::k_outcome_words.
enum class Outcome {
    ok,
    truncated,
    stalled,
    malformed_frame,
    contract_violation,
    in_stream_error,
    http_status,
    unauthorised,
    too_slow,
    ttfb_timeout,
    refused,
    connect_timeout,
    dns,
    tls,
    not_sse,
    wrong_content_type,
    headers_missing,
    late_data,
    compat_rejected,
    empty, ///< completed without text, reasoning or tool
    buffered,
    cancelled,
};
[[nodiscard]] std::string_view to_string(Outcome outcome) noexcept;
/// Read to a good end: only its head or its pace may be faulty.
[[nodiscard]] bool is_whole(Outcome outcome) noexcept;

/// A token that is renewed during a run: where `first` is still used, `now` is meant. Not
/// thread-safe.
struct RenewedToken {
    Secret first;
    Secret now;
};

/// Where to probe, and with which identity. Copyable; the secret is never formatted.
struct Target {
    std::string base_url;     ///< without a trailing slash
    Secret bearer{};
    std::optional<net::CompatIdentity> compat = net::CompatIdentity{};
    std::string connect_to{}; ///< pins the arm: "127.0.0.1:port"
    std::shared_ptr<const RenewedToken> renewed{}; ///< null: `bearer` is never renewed
    net::Headers extra{};     ///< e.g. the front door's pin header
    std::vector<Secret> hidden{}; ///< values of `extra` that must not be shown
    std::string ca_file{}; ///< PEM of trusted authorities; empty: the system's
    /// Response header that names the revision.
    std::string revision_header{net::k_revision_header};
    /// The value of telemetry::k_probe_header; empty: the request counts as a user's.
    std::string probe = "probe";
};

/// A GET of `path`, which begins with a slash, with the target's credentials and headers except for
/// the compatibility headers.
[[nodiscard]] net::ClientRequest plain_request(const Target& target, std::string_view path);
/// GET /version, with a limit of 5 s.
[[nodiscard]] Task<net::ClientResponse> ask_version(net::HttpClient* client, Target target);
/// Adds "Name: value" to `extra`. A value in the form of net::read_token() (env:NAME, …) is read
/// and hidden. Code::usage for an invalid header, Code::credentials.
[[nodiscard]] Result<void> add_header(Target& target, std::string_view header);
/// Registers the target's secrets, which must not reach evidence.
void hide_secrets(Redactor& redactor, const Target& target);

struct ProbeLimits {
    Millis connect{5000};
    Millis first_byte{15000};
    Millis stall{15000}; ///< longest silence between two reads, comments included
    Millis total{180000};
};

/// The five clocks and the end, seconds since the request was sent; nullopt when not reached.
struct Clocks {
    std::optional<double> connect, headers, first_byte, first_event, first_content, end;
};

/// How many bytes of its text a sample keeps; a text of this length may have been longer.
inline constexpr std::size_t k_kept_text = 64U << 10U;

struct ProbeSample {
    Outcome outcome = Outcome::cancelled;
    int status = 0;
    Clocks clocks{};
    double max_gap_s = 0; ///< between two chunks with content
    double silence_s = 0; ///< from the last read of the body, comments included, to the end
    std::uint64_t content_frames = 0;
    /// Reads of the socket that contained content (see PacingFacts).
    std::uint64_t content_reads = 0;
    Pacing pacing = Pacing::undecided;
    std::string pacing_why{}; ///< one sentence with the numbers
    std::string revision{}; ///< x-oa-revision
    std::string thread{}; ///< x-oa-thread-id
    std::string foreign{}; ///< a conversation that the answer named instead of the requested one
    std::string turn{}; ///< x-oa-turn-id
    std::string request_id{}; ///< x-request-id
    std::string text{}; ///< joined text deltas, k_kept_text at most
    std::string message_id{}; ///< of the start chunk
    std::string terminal{}; ///< status of finish.messageMetadata, "" when none
    std::string error_code{}; ///< of data-error, else of the JSON envelope before the stream
    std::uint64_t errors = 0; ///< error chunks
    std::uint64_t tool_outputs = 0; ///< tool-output-available and tool-output-error chunks
    bool aborted = false; ///< an abort chunk was read
    bool done = false; ///< [DONE] was read
    std::string detail{}; ///< one sentence: what is wrong
    contract::Judgement judgement{};
    net::Headers headers{}; ///< of the response
    std::string body_start{}; ///< first 64 KiB of an answer other than 200
    std::string raw_head{}; ///< kept when options.keep
    std::string raw_body{}; ///< kept when options.keep, capped at 8 MiB
    std::string timing_ndjson{}; ///< one {"t":s,"bytes":n} per read, kept when options.keep
    /// From [DONE] to the body's end, without time in which this process was stalled.
    double tail_s = 0;
    /// Of `tool_outputs` in the last step, those whose call lacks providerExecuted on its input.
    std::uint64_t unmarked_outputs = 0;
    PacingFacts arrivals{}; ///< of the content; the basis of `pacing`
    /// Bad for an SLO: anything but ok (and cancelled, which does not count).
    [[nodiscard]] bool bad() const noexcept {
        return outcome != Outcome::ok && outcome != Outcome::cancelled;
    }
};

/// Ended by a time limit: the probe's own, or the lane's for the turn (`error_code`
/// authority_timeout or stalled), for which the user had to wait in full.
[[nodiscard]] bool ran_into_limit(const ProbeSample& sample) noexcept;

/// Whether a held-back answer has its own outcome.
enum class PacingMode {
    observe, ///< only reported in the sample
    judge, ///< Outcome::buffered
};

struct ProbeRequest {
    std::string method = "POST";
    std::string path = "/api/chat/stream"; ///< appended to base_url
    std::string body{};
    /// The requested conversation: an answer that names another one is a contract_violation. Empty:
    /// any.
    std::string thread{};
    std::optional<contract::Continues> continues{};
    bool keep = false; ///< keep bytes and timing
    bool fresh_connection = true;
    PacingMode pacing = PacingMode::judge;
    std::optional<Millis> paced_over{}; ///< see judge_pacing()
    /// Close the connection after this many content frames (outcome cancelled); 0: read to the end.
    std::uint64_t stop_after_content = 0;
    std::string accept_encoding{}; ///< sent unchanged; nothing is decoded
    Millis read_pause{0}; ///< for a slow reader: the wait before each piece
    /// Called once, with the head, when a 200 event stream begins.
    std::function<void(const ProbeSample& so_far)> on_start{};
    /// Called at the first content frame, not later.
    std::function<void(const ProbeSample& so_far)> on_content{};
    /// Called before each content frame but the first, with the silence in seconds.
    std::function<void(double gap)> on_gap{};
    /// Receives a function that cancels this probe; valid until the probe has ended.
    std::function<void(std::function<void()> cancel)> on_cancellable{};
};

/// Never throws; every ending is a sample with its own outcome.
[[nodiscard]] Task<ProbeSample>
probe_stream(net::HttpClient& client, Target target, ProbeRequest request, ProbeLimits limits);

} // namespace oa_stream::probe
