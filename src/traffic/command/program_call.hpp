// One run of an operator's program: a document in, a document out, a time limit. Private to the
// room.
#pragma once

#include "oa_stream/base/child.hpp"

#include <string>
#include <vector>

namespace oa_stream::traffic {

struct ProgramCall {
    std::vector<std::string> argv; ///< not empty
    std::map<std::string, std::string> env;
    std::string input; ///< its whole stdin
    Millis limit{30000};
    std::size_t most_output = 1U << 20U; ///< bytes of stdout; more ends the program
};

struct ProgramEnd {
    ChildExit exit{};
    std::string output;    ///< stdout, whole
    std::string last_line; ///< of stderr: not blank, printable, cut; empty when it said nothing
};

/// When it returns, nothing of the program's process group runs any more; the same when the
/// coroutine is cancelled. Code::not_found: it could not be started; Code::timeout;
/// Code::too_large. Nothing is redacted here.
[[nodiscard]] Task<Result<ProgramEnd>>
call_program(asio::any_io_executor executor, ProgramCall call);

/// After the limit the group gets so long to end by itself.
inline constexpr Millis k_program_grace{1000};

} // namespace oa_stream::traffic
