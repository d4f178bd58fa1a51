// The requested members of one log line, in either format.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::measure {

/// Values keep their written type: a number in quotes is a text. logfmt cannot distinguish a text
/// from a number that looks the same, so numbers and flags also keep their text there.
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
    end, ///< not a name, but the number of names
};

class LogFields {
public:
    [[nodiscard]] const LogField& operator[](LogName name) const noexcept {
        return fields_[static_cast<std::size_t>(name)];
    }
    [[nodiscard]] std::optional<std::string_view> text(LogName name) const noexcept;
    [[nodiscard]] std::optional<double> number(LogName name) const noexcept;
    /// An absent flag is false; nullopt for a value that is not a truth value.
    [[nodiscard]] std::optional<bool> flag(LogName name) const noexcept;

    /// Ignores names that are not requested. False when the name was set already: two lines joined.
    [[nodiscard]] bool set(std::string_view name, LogField value);

private:
    std::array<LogField, static_cast<std::size_t>(LogName::end)> fields_{};
};

/// False when the line is not one complete object, or has a member twice.
[[nodiscard]] bool read_json_fields(std::string_view line, LogFields& into);
/// False when the line is not name=value separated by single spaces, has a name twice, or has an
/// unterminated quote.
[[nodiscard]] bool read_logfmt_fields(std::string_view line, LogFields& into);

} // namespace oa_stream::measure
