// Finds the hop between a client and the lane that cuts, delays or changes answers, and its limit.
#pragma once

#include "oa_stream/probe/stream_probe.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::probe {

/// One address of the lane: "edge" at https://edge.example.
struct Hop {
    std::string name;
    std::string base_url;
};

struct HopOptions {
    Target target{}; ///< credentials and headers for every hop; its address is ignored
    std::vector<Hop> hops{};  ///< outermost first; k_authority_hop may be the last
    Millis longest{20'000}; ///< longest silence and duration to try
    ProbeLimits limits{};
    std::string id_prefix = "stream";
    std::function<void(const Check&)> on_check{};
    /// Called before each turn is requested.
    std::function<void(const std::string& thread)> on_turn{};
    /// Called after each answer.
    std::function<void(const std::string& thread, const ProbeSample&)> on_answer{};
};

/// The hop behind the last address; it has no address.
inline constexpr std::string_view k_authority_hop = "authority";

/// Parses "client=URL,edge=URL,origin=URL", optionally with "authority" at the end: two to six hops
/// with unique names. Code::usage.
[[nodiscard]] Result<std::vector<Hop>> parse_hops(std::string_view text);

/// A non-streamed answer from a lane that is silent until the answer is complete.
struct WholeAnswer {
    int status = 0; ///< 0: the connection ended before a head
    double end_s = 0;
    std::string why{};
};
/// A connection that was used, left idle and used again.
struct IdleConnection {
    double idle_s = 0;
    bool kept = false;
};

/// The observations through one hop. Trials that the lane does not support are unset.
struct HopSeen {
    std::string name;
    std::optional<ProbeSample> silent{}; ///< silent for the longest time, then ends
    /// Sends a word every quarter of a second for the same time.
    std::optional<ProbeSample> steady{};
    std::optional<WholeAnswer> whole{};
    ProbeSample plain{}; ///< an ordinary turn of a client that accepts compressed answers
    std::vector<IdleConnection> idle{}; ///< by idle time
};

/// One check per question; `seen` has the outermost hop first. A fault is attributed to the
/// innermost hop that shows it, because outer hops only pass it on. Hops that do not answer are an
/// ERROR and left out; without the innermost hop nothing is compared.
[[nodiscard]] std::vector<Check>
judge_hops(std::vector<HopSeen> seen, Millis longest, const std::string& prefix);

/// Judges the authority as seen through the innermost hop: whether it fails, how long it is silent,
/// and how late its text becomes a frame. The lane's heartbeat distinguishes the authority's
/// silence from the lane's.
[[nodiscard]] Check
judge_authority(const HopSeen& inside, Millis longest, const std::string& prefix);

/// Tries all hops in parallel; takes slightly longer than options.longest. Silence and duration are
/// only tried on a lane that plays recorded turns, otherwise SKIPPED.
[[nodiscard]] Task<std::vector<Check>> probe_hops(net::HttpClient& client, HopOptions options);

} // namespace oa_stream::probe
