// Which hop between a client and the lane cuts, holds back or changes answers, and at which limit.
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
    Target target{}; ///< credentials and headers for every hop; its address is not used
    std::vector<Hop> hops{};  ///< outermost first; k_authority_hop may be the last
    Millis longest{20'000}; ///< silences and durations up to this are tried
    ProbeLimits limits{};
    std::string id_prefix = "stream";
    std::function<void(const Check&)> on_check{};
    std::function<void(const std::string& thread)> on_turn{}; ///< before each turn is asked for
    std::function<void(const std::string& thread, const ProbeSample&)> on_answer{}; ///< and after
};

/// What stands behind the last address: it has none of its own.
inline constexpr std::string_view k_authority_hop = "authority";

/// "client=URL,edge=URL,origin=URL", then perhaps "authority": two to six, names once each.
/// Code::usage.
[[nodiscard]] Result<std::vector<Hop>> parse_hops(std::string_view text);

/// An answer that is not streamed, asked of a lane that is silent until it is complete.
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

/// What was seen through one hop. Trials that the lane cannot be asked for are unset.
struct HopSeen {
    std::string name;
    std::optional<ProbeSample> silent{}; ///< says nothing for the longest time, then ends
    std::optional<ProbeSample> steady{}; ///< says a word each quarter of a second for as long
    std::optional<WholeAnswer> whole{};
    ProbeSample plain{}; ///< an ordinary turn of a client that takes compressed answers
    std::vector<IdleConnection> idle{}; ///< by idle_s
};

/// One check a question, outermost hop first in `seen`. A fault is the innermost hop's that shows
/// it: what a hop further out shows as well comes from there. Hops that do not answer are an ERROR
/// and left out; without the innermost one nothing is compared.
[[nodiscard]] std::vector<Check>
judge_hops(std::vector<HopSeen> seen, Millis longest, const std::string& prefix);

/// What the authority itself does, as seen through the innermost hop: whether it fails, how long it
/// is silent, and how late its text becomes a frame. The lane's heartbeat separates its silence
/// from that of the lane.
[[nodiscard]] Check
judge_authority(const HopSeen& inside, Millis longest, const std::string& prefix);

/// Tries all hops at once; takes a little longer than options.longest. Silence and duration are
/// tried only on a lane that plays recorded turns, elsewhere they are SKIPPED.
[[nodiscard]] Task<std::vector<Check>> probe_hops(net::HttpClient& client, HopOptions options);

} // namespace oa_stream::probe
