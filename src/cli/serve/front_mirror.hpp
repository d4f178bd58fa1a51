// The lane that the front door mirrors requests to.
#pragma once

#include "oa_stream/probe/shadow.hpp"
#include "oa_stream/traffic/mirror.hpp"

#include "core/option.hpp"

#include <string_view>

namespace oa_stream::cli {

struct MirrorGiven {
    traffic::MirrorOptions options{};
    probe::Compare compare = probe::Compare::text;
};
/// "next=http://127.0.0.1:9003@10%,dry,tokens,structure": a name, a URL, a share, and words in any
/// order.
[[nodiscard]] Result<MirrorGiven> read_mirror(std::string_view text);
/// Reads the token and sets how answers are compared. Code::usage, credentials.
[[nodiscard]] Result<traffic::MirrorOptions> complete_mirror(MirrorGiven given);

} // namespace oa_stream::cli
