// The members of one log line that are asked for, whichever way it was written.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::measure {

/// Values as they stood: a number in quotes is a text. logfmt cannot tell a text from a number that
/// looks like one, so there numbers and flags keep their text.
struct LogField {
    enum class Type { none, text, number, flag, other };
    Type type = Type::none;
    std::string text{};
    double number = 0;
    bool flag = false;
};

enum class LogName : std::uint8_t {
    ts,
    event,
    request_id,
    route,
    method,
    status,
    revision,
    accepted,
    first_content_ms,
    end_ms,
    turn_ms,
    terminal,
    failure,
    reason,
    reader,
    empty,
    probe,
    lost,
    left,
    taken_over,
    end_unknown,
    end, ///< none, but how many there are
};

class LogFields {
public:
    [[nodiscard]] const LogField& operator[](LogName name) const noexcept {
        return fields_[static_cast<std::size_t>(name)];
    }
    [[nodiscard]] std::optional<std::string_view> text(LogName name) const noexcept;
    [[nodiscard]] std::optional<double> number(LogName name) const noexcept;
    /// Absent is false; nullopt for what is not a truth value.
    [[nodiscard]] std::optional<bool> flag(LogName name) const noexcept;

    /// Names not asked for are let go. False when the name was there already: two lines in one.
    [[nodiscard]] bool set(std::string_view name, LogField value);

private:
    std::array<LogField, static_cast<std::size_t>(LogName::end)> fields_{};
};

/// False: not one whole object, a member twice.
[[nodiscard]] bool read_json_fields(std::string_view line, LogFields& into);
/// False: not name=value by single spaces, a name twice, a quote that never ends.
[[nodiscard]] bool read_logfmt_fields(std::string_view line, LogFields& into);

} // namespace oa_stream::measure
