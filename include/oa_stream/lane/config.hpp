// What an operator can set about the lane, with the defaults.
#pragma once

#include "oa_stream/base/task.hpp"
#include "oa_stream/net/forwarded.hpp"
#include "oa_stream/net/oa_headers.hpp"
#include "oa_stream/store/responses.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

/// `retired` answers the stream routes as the retired bridge did (JSON, no turn is started); `off`
/// answers 503. Turns that are already live go on in both modes.
enum class LaneMode { on, retired, off };
inline constexpr std::array<std::string_view, 3> k_lane_modes{"on", "retired", "off"};
[[nodiscard]] std::string_view to_string(LaneMode mode) noexcept;
/// The word alone; surrounding white space (a file's last newline) is ignored. Code::config.
[[nodiscard]] Result<LaneMode> parse_lane_mode(std::string_view text);

/// Whether clients must send the three handshake headers. `optional` does not check a header that
/// is missing; both modes refuse a header with a wrong value.
enum class CompatMode { optional, required };

/// The window of clients this lane serves. All bounds are inclusive; build ids compare as strings.
struct CompatWindow {
    std::string protocol_version{net::k_usual_protocol};
    std::string min_client_build_id = "00000000T000000Z";
    std::optional<std::string> max_client_build_id{};
    std::uint64_t min_schema_version = 1;
    std::uint64_t max_schema_version = 1;
};

/// Policy file: one JSON object with any of protocol_version, min_client_build_id,
/// max_client_build_id (string or null), min_schema_version, max_schema_version. Code::config on
/// unknown members, wrong types and a window that no client can fit; Code::protocol when the text
/// is not JSON.
[[nodiscard]] Result<CompatWindow>
parse_compat_policy(std::string_view text, std::string_view where);

/// Why a client outside the window is refused, in the order of the checks and of
/// telemetry::k_compat_codes.
enum class CompatCode {
    invalid_client_build,
    unsupported_protocol_version,
    unsupported_schema_version,
    upgrade_required,
    unsupported_client_build,
};
[[nodiscard]] std::string_view to_string(CompatCode code) noexcept;

/// How an access line is written.
enum class LogFormat { json, logfmt };

/// `ask`: clients that can answer approvals (x-oa-accept: tool-approval) receive them. Approvals of
/// all other clients, and all of them under `deny`, are declined.
enum class Approvals { deny, ask };

/// What --allow-host accepts: "lane.example", an address, "*.example" (every name below it, at any
/// depth, but not example itself) or "*" (any). The result is in lower case, without brackets.
/// Code::usage for a port, a scheme, and a star elsewhere.
[[nodiscard]] Result<std::string> read_allowed_host(std::string_view text);

/// A model that clients may request.
struct LaneModel {
    std::string id;
    std::string label; ///< for display
};

/// Which members of a chat request beside its messages have an effect. The other members are
/// reported as ignored.
struct LaneAllowed {
    bool model = false;
    bool system = false;
    bool effort = false;
    bool tools = false;
};
/// The words that parse_allowed() accepts.
[[nodiscard]] std::span<const std::string_view> allowed_words();
/// Parses a list like "model,system": any of model, system, effort, tools. Code::usage for another
/// word, and for an empty text.
[[nodiscard]] Result<LaneAllowed> parse_allowed(std::string_view text);

struct LaneLimits {
    std::size_t streams = 10000; ///< live turns of all lanes together
    std::size_t streams_here = 10'000; ///< of this process, where several lanes share `streams`
    std::size_t streams_per_owner = 64; ///< applies only when tokens are configured
    std::size_t readers_per_turn = 16;
    std::size_t completions = 16; ///< chat completions at once, streamed or not
    std::size_t text_chars = 200'000; ///< code points of one user input
    // Of a request's body.
    int json_depth = 64;
    std::size_t json_members = 10'000; ///< names in one object
    std::size_t json_values = 250'000; ///< values that the lane keeps of one body
    std::size_t messages = 10'000;
    std::size_t waiting_bodies = 64U << 20U; ///< bytes of large bodies that wait to be read
    std::size_t turn_log_bytes = 8U << 20U; ///< beyond it a turn's log drops its head
    std::size_t total_log_bytes = 1U << 30U; ///< beyond it a growing turn is ended as overloaded
    /// Answers of the chats API, until their clients have received them.
    std::size_t total_answer_bytes = 256U << 20U;
    store::ResponseLimits responses{}; ///< of the stored responses of /v1/responses
    std::size_t max_lag_bytes = 2U << 20U; ///< a reader further behind has max_lag_time to catch up
    /// Also cuts a reader that accepted no bytes for this long, however little it lags.
    Millis max_lag_time{30000};
    Millis turn_wall{1800000}; ///< the whole turn
    Millis first_event{60000}; ///< from acceptance to the first event
    Millis idle{120000}; ///< between two events
    Millis approval{300000}; ///< an approval without an answer is declined after this
    Millis tool_result{600000
    }; ///< a turn whose function calls get no results is stopped after this
};

struct LaneTimings {
    Millis heartbeat{15000}; ///< silence on a reader before the comment ": ping"
    Millis detach_grace{30000}; ///< a turn without readers is interrupted after this
    Millis supersede_wait{2000}; ///< how long a new message waits for the old turn's end
    Millis reader_leaving{250}; ///< a closed socket may be noticed after the next request came
    /// After this the lane ends an interrupted turn without waiting for its end
    Millis interrupt_grace{5000};
    /// How long an ended turn is replayed for clients that may lack its end: docs/chats.md.
    Millis ended_kept{5000};
    Millis authority_away{10'000}; ///< how long a dead replica's turn waits for the authority
    Millis approval_quiet{100}; ///< calls that need approval within this time share one answer
    Millis tick{1000}; ///< resolution of all timings above that no coroutine awaits
    /// How long a repeated request, or a resume, waits for a turn to be accepted, on any lane; and
    /// a message for a request that only looks for a turn.
    Millis start_wait{30'000};
};

struct LaneConfig {
    LaneMode mode = LaneMode::on;
    CompatMode compat = CompatMode::optional;
    CompatWindow window{};
    Approvals approvals = Approvals::deny;
    LaneLimits limits{};
    LaneTimings timings{};
    std::string revision = "dev";
    std::string version = "0.0.0";
    std::string model = "oa-stream"; ///< used when a request names no model
    std::vector<LaneModel> models{}; ///< empty: only `model`
    bool names_model = false; ///< every turn names its model to the authority
    LaneAllowed allowed{};
    bool strict_body = false; ///< refuse what would be ignored otherwise
    std::vector<std::string> cors_origins{}; ///< exact origins, or the one entry "*"
    /// In the form that read_allowed_host() returns.
    std::vector<std::string> allow_hosts{};
    std::vector<std::string> own_hosts{}; ///< hosts of the listeners, in the same form
    /// GET /metrics needs no token. For listeners that only this machine reaches.
    bool open_metrics = false;
    LogFormat log_format = LogFormat::json;
    /// The proxies whose statement of the client's address is logged
    net::TrustedProxies proxies{};
};

} // namespace oa_stream::lane
