#include "access_log_fields.hpp"

#include "oa_stream/base/json.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/text.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace oa_stream::measure {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(LogName::end)> k_names{
    "ts",       "event",      "request_id",       "route",  "method",  "status",
    "revision", "accepted",   "first_content_ms", "end_ms", "turn_ms", "terminal",
    "failure",  "reason",     "reader",           "empty",  "probe",   "lost",
    "left",     "taken_over", "end_unknown",
};

LogField text_field(std::string text) {
    return {.type = LogField::Type::text, .text = std::move(text)};
}
LogField number_field(double number) {
    return {.type = LogField::Type::number, .number = number};
}
LogField flag_field(bool flag) {
    return {.type = LogField::Type::flag, .flag = flag};
}

/// Collects the members of the outermost object during parsing: building a document for each line
/// takes three times as long. Returning false ends the parse.
class TopMembers {
public:
    explicit TopMembers(LogFields& into) : into_(into) {}
    [[nodiscard]] bool object_seen() const noexcept { return object_seen_; }

    // The function names are given by the JSON library (json_sax).
    bool null() { return take({.type = LogField::Type::other}); }
    bool boolean(bool value) { return take(flag_field(value)); }
    bool number_integer(std::int64_t value) {
        return take(number_field(static_cast<double>(value)));
    }
    bool number_unsigned(std::uint64_t value) {
        return take(number_field(static_cast<double>(value)));
    }
    bool number_float(double value, const std::string& /*text*/) {
        return take(number_field(value));
    }
    bool string(std::string& value) { return take(text_field(std::move(value))); }
    bool binary(Json::binary_t& /*value*/) { return false; }
    bool start_object(std::size_t /*members*/) {
        const bool good = depth_ > 0 ? take({.type = LogField::Type::other}) : true;
        object_seen_ = object_seen_ || depth_ == 0;
        ++depth_;
        return good;
    }
    bool end_object() {
        --depth_;
        return true;
    }
    bool key(std::string& name) {
        if (depth_ == 1) {
            name_ = std::move(name);
        }
        return true;
    }
    bool start_array(std::size_t /*values*/) {
        const bool good = depth_ > 0 && take({.type = LogField::Type::other});
        ++depth_;
        return good;
    }
    bool end_array() {
        --depth_;
        return true;
    }
    template <class Exception>
    bool parse_error(
        std::size_t /*position*/, const std::string& /*token*/, const Exception& /*error*/
    ) {
        return false;
    }

private:
    bool take(LogField value) {
        if (depth_ > 1) {
            return true;
        }
        return depth_ == 1 && into_.set(name_, std::move(value));
    }

    LogFields& into_;
    std::string name_{};
    int depth_ = 0;
    bool object_seen_ = false;
};

/// A logfmt value as the lane writes it: a JSON string in quotes, or plain text that may be a
/// number.
LogField plain_value(std::string_view text) {
    const auto number = number_of<double>(text);
    LogField field = text_field(std::string(text));
    if (text == "true" || text == "false") {
        field.type = LogField::Type::flag;
        field.flag = text == "true";
    } else if (number && std::isfinite(*number)) {
        field.type = LogField::Type::number;
        field.number = *number;
    }
    return field;
}

std::optional<LogField> quoted_value(std::string_view literal) {
    const auto parsed = parse_json(literal);
    if (!parsed || !parsed->is_string()) {
        return std::nullopt;
    }
    return text_field(parsed->get<std::string>());
}

/// A value with characters that could end it must be in quotes.
std::optional<LogField> value_of(const LogfmtPair& pair) {
    if (pair.quoted) {
        return quoted_value(pair.value);
    }
    const bool plain = !pair.value.empty() && pair.value.find_first_of("\"=\\") == pair.value.npos;
    return plain ? std::optional(plain_value(pair.value)) : std::nullopt;
}

} // namespace

std::optional<std::string_view> LogFields::text(LogName name) const noexcept {
    const LogField& field = (*this)[name];
    return field.type == LogField::Type::text ? std::optional<std::string_view>(field.text)
                                              : std::nullopt;
}

std::optional<double> LogFields::number(LogName name) const noexcept {
    const LogField& field = (*this)[name];
    return field.type == LogField::Type::number ? std::optional(field.number) : std::nullopt;
}

std::optional<bool> LogFields::flag(LogName name) const noexcept {
    const LogField& field = (*this)[name];
    if (field.type == LogField::Type::none) {
        return false;
    }
    return field.type == LogField::Type::flag ? std::optional(field.flag) : std::nullopt;
}

bool LogFields::set(std::string_view name, LogField value) {
    const auto* known = std::ranges::find(k_names, name);
    if (known == k_names.end()) {
        return true;
    }
    LogField& field = fields_[static_cast<std::size_t>(known - k_names.begin())];
    if (field.type != LogField::Type::none) {
        return false;
    }
    field = std::move(value);
    return true;
}

bool read_json_fields(std::string_view line, LogFields& into) {
    TopMembers members(into);
    return nlohmann::json::sax_parse(line.begin(), line.end(), &members) && members.object_seen();
}

bool read_logfmt_fields(std::string_view line, LogFields& into) {
    while (!line.empty()) {
        const auto pair = cut_logfmt(line);
        auto value = pair ? value_of(*pair) : std::nullopt;
        if (!value || !into.set(pair->name, *std::move(value))) {
            return false;
        }
    }
    return true;
}

} // namespace oa_stream::measure
