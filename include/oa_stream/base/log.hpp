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

    explicit Log(Writer writer);
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

} // namespace oa_stream
