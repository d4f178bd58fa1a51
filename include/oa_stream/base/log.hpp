// The log of a process: one line an event, or text that is already a line. spdlog is behind it.
#pragma once

#include "oa_stream/base/json.hpp"

#include <functional>
#include <memory>
#include <string_view>

namespace oa_stream {

enum class LogLevel { debug, info, warn, error };

[[nodiscard]] std::string_view to_string(LogLevel level) noexcept;
/// The word alone; surrounding white space (a file's last newline) is ignored. Code::config.
[[nodiscard]] Result<LogLevel> parse_log_level(std::string_view text);

/// Lines go out at once, one write each. No call throws: a line that cannot be written is lost.
class Log {
public:
    /// Takes each finished line, its '\n' included.
    using Writer = std::function<void(std::string_view line)>;

    explicit Log(const Writer& writer);
    ~Log();
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    /// Events below it are left out; LogLevel::info at first.
    void set_level(LogLevel least) noexcept;
    /// {"ts","level","event",…fields}; `fields` is an object.
    void event(LogLevel level, std::string_view event, const Json& fields) noexcept;
    /// {"ts","level","event","text"}
    void note(LogLevel level, std::string_view event, std::string_view text) noexcept;
    /// The bytes as they are, whatever the level: access lines, and what is written for people.
    void verbatim(std::string_view text) noexcept;

private:
    struct Loggers;
    std::unique_ptr<Loggers> loggers_;
};

/// The log on standard error.
[[nodiscard]] Log& process_log();

// What --verbose and --trace show: lines for whoever watches a command work. One thread calls it.

enum class TraceLevel {
    off,
    decisions, ///< events of a run
    requests, ///< and each HTTP request
};

/// Lines up to `level` go to `writer`, each with the time of day and a '\n'. Off at first.
void set_trace(TraceLevel level, std::function<void(std::string_view line)> writer);
/// Whether a line of this level is shown: ask before you build one.
[[nodiscard]] bool traces(TraceLevel level) noexcept;
/// `line` without a '\n'; nothing of a secret may stand in it.
void trace(TraceLevel level, std::string_view line);

} // namespace oa_stream
