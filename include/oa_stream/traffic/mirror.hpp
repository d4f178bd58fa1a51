// The front door's mirror: a second lane that receives copies of a share of the live requests. Its
// answers are compared with the users' answers and then discarded.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/net/http.hpp"
#include "oa_stream/net/token_source.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace oa_stream::traffic {

/// One answer to one request, complete or as far as it was received.
struct MirrorAnswer {
    int status = 0;
    net::Headers headers{};
    std::string body{};
    std::string cut{}; ///< why it ended early; empty: it is complete
};

/// A request that was sent to both lanes.
struct MirrorPair {
    std::string request{}; ///< "POST /api/chat/stream"
    MirrorAnswer user{};
    MirrorAnswer mirror{};
};

struct MirrorOptions {
    std::string name{}; ///< empty: no mirror
    std::string url{};  ///< http://host:port
    std::uint32_t share = 0; ///< of conversations, in k_whole_share
    /// The operator states that the mirror has no side effects that matter: requests that act are
    /// copied without asking the target.
    bool dry = false;
    bool tokens = false; ///< forward the users' Authorization and Cookie
    std::string bearer{}; ///< its own token, a reference in the form of net::read_token()
    Secret first_bearer{}; ///< its first value
    std::size_t most_open = 16; ///< copies under way or waiting to be compared
    std::size_t most_bytes = 64U << 20U; ///< for all data kept for them
    Millis first_byte_timeout{120000};
    Millis idle_timeout{75000};
    /// For the mirror's answer after the user has received the complete one.
    Millis patience{30000};
    /// Whether the answer of GET /version reports `dry`. Without this function only `dry` counts.
    std::function<bool(const Json& version)> says_dry{};
    /// Returns a sentence for each difference, without text of the answers. Called on a separate
    /// thread.
    std::function<std::vector<std::string>(const MirrorPair&)> compare{};
};
inline constexpr std::uint32_t k_whole_share = 10000; ///< hundredths of a per cent

/// Every sampled request counts once: under a reason for not copying it, or as copied. Every ended
/// copy counts once, under an ending.
struct MirrorCounters {
    std::uint64_t sampled = 0;
    std::uint64_t refused = 0; ///< it acts, and the target does not report `dry`
    std::uint64_t busy = 0; ///< too many copies under way
    std::uint64_t too_large = 0; ///< beyond the limit of bytes or the memory, at once or later
    std::uint64_t copied = 0;
    std::uint64_t same = 0;
    std::uint64_t different = 0;
    std::uint64_t unanswered = 0; ///< the mirror did not answer, or refused its own token
    std::uint64_t late = 0; ///< it had not answered completely within the patience
    std::uint64_t abandoned = 0; ///< the user's own answer was not forwarded to its end
};

} // namespace oa_stream::traffic
