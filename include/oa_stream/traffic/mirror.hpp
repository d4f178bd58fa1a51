// The front door's mirror: a second lane that gets copies of a share of the live requests. Its
// answers are compared with those that users got, and reach nobody.
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

/// One answer to one request, whole or as far as it came.
struct MirrorAnswer {
    int status = 0;
    net::Headers headers{};
    std::string body{};
    std::string cut{}; ///< why it stopped before its end; empty: it came whole
};

/// A request that went both ways.
struct MirrorPair {
    std::string request{}; ///< "POST /api/chat/stream"
    MirrorAnswer user{};
    MirrorAnswer mirror{};
};

struct MirrorOptions {
    std::string name{}; ///< empty: no mirror
    std::string url{};  ///< http://host:port
    std::uint32_t share = 0; ///< of conversations, in k_whole_share
    /// The operator says that nothing which happens there matters: requests that act are copied
    /// without asking the target.
    bool dry = false;
    bool tokens = false; ///< pass on Authorization and Cookie of the users
    std::string bearer{}; ///< its own token, a reference as net::read_token() takes it
    Secret first_bearer{}; ///< read from it
    std::size_t most_open = 16; ///< copies under way or waiting to be compared
    std::size_t most_bytes = 64U << 20U; ///< of all that is kept for them
    Millis first_byte_timeout{120000};
    Millis idle_timeout{75000};
    Millis patience{30000}; ///< for the mirror's answer after the user has the whole of theirs
    /// Does GET /version say so? Without it only `dry` counts.
    std::function<bool(const Json& version)> says_dry{};
    /// A sentence for each difference, without words of the answers. Called on a thread of its own.
    std::function<std::vector<std::string>(const MirrorPair&)> compare{};
};
inline constexpr std::uint32_t k_whole_share = 10000; ///< hundredths of a per cent

/// Every sampled request is counted once: in one of the reasons why it was not copied, or as
/// copied; every copy that is over, in one of the endings.
struct MirrorCounters {
    std::uint64_t sampled = 0;
    std::uint64_t refused = 0; ///< it acts, and the target does not say dry
    std::uint64_t busy = 0; ///< too many copies under way
    std::uint64_t too_large = 0; ///< beyond the bytes or the memory, at once or later
    std::uint64_t copied = 0;
    std::uint64_t same = 0;
    std::uint64_t different = 0;
    std::uint64_t unanswered = 0; ///< the mirror gave no answer, or refused its own token
    std::uint64_t late = 0; ///< it had no whole answer within the patience
    std::uint64_t abandoned = 0; ///< the user's own answer was not passed on to its end
};

} // namespace oa_stream::traffic
