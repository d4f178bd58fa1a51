// The files that serve reads at its start and again on SIGHUP.
#pragma once

#include "oa_stream/base/log.hpp"
#include "oa_stream/base/output.hpp"
#include "oa_stream/lane/access_log.hpp"
#include "oa_stream/lane/auth.hpp"

#include "serve_options.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace oa_stream::cli {

/// Of --tokens and OA_STREAM_TOKEN; nullopt when neither configures authentication.
[[nodiscard]] Result<std::optional<lane::TokenTable>>
read_tokens(const ServeOptions& options, const Context& context);
/// Each changes the options only when it succeeds. At start a file that is not there leaves mode
/// and level; later that is an error: whoever removed it may believe that its value went with it.
enum class ReadAt { start, reload };
[[nodiscard]] Result<void> read_policy(ServeOptions& options);
[[nodiscard]] Result<void> read_lane_file(ServeOptions& options, ReadAt when);
[[nodiscard]] Result<void> read_log_level_file(ServeOptions& options, ReadAt when);

/// Access lines of a lane without --access-log: on standard error, counted while nobody reads it.
class AccessOnStderr {
public:
    explicit AccessOnStderr(lane::LogFormat format) : format_(format) {}

    void write(Log& log, std::string_view line) {
        if (!stderr_is_ready()) {
            ++lost_;
            return;
        }
        if (lost_ > 0) {
            const auto now = std::chrono::system_clock::now();
            log.verbatim(lane::lost_line(std::exchange(lost_, 0), now, format_) + "\n");
        }
        log.verbatim(std::string(line) + "\n");
    }

private:
    lane::LogFormat format_;
    std::uint64_t lost_ = 0;
};

} // namespace oa_stream::cli
