#include "option.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"
#include "oa_stream/base/utf8.hpp"
#include "oa_stream/config/node.hpp"
#include "oa_stream/net/token_source.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace oa_stream::cli {

namespace {

/// A value's reader does not have the option's name, so it is added here.
Result<void> named(Result<void> read, std::string_view name) {
    if (!read && read.error().where.empty()) {
        read.error().where = name;
    }
    return read;
}

/// An unset variable in a script must not mean "none".
Result<void> named_files(const OptionSpec& row, std::span<const std::string> values) {
    const bool file = row.rule.offer == Offer::files;
    const bool path = file || row.rule.offer == Offer::folders;
    if (!path || !contains(values, "")) {
        return {};
    }
    return fail(
        Code::usage,
        fmt::format("the name of the {} is empty", file ? "file" : "folder"),
        std::string(row.long_name()),
        "a path"
    );
}

/// A typed secret is refused even where it would be ignored, because others can see it.
Result<void> references(const OptionSpec& row, std::span<const std::string> values) {
    const std::string form = row.value_name();
    const bool secret = form.ends_with("REF");
    if (!secret || std::ranges::all_of(values, [&](const std::string& value) {
            return is_reference(value, form);
        })) {
        return {};
    }
    return std::unexpected(secret_in_the_open());
}

std::string time_text(std::int64_t millis) {
    return format_duration(std::chrono::milliseconds(millis));
}

} // namespace

std::string OptionSpec::value_name() const {
    return value.empty() ? fmt::format("{}", fmt::join(rule.shown(), "|")) : std::string(value);
}

std::string_view OptionSpec::long_name() const noexcept {
    const std::size_t comma = name.find(',');
    return comma == std::string_view::npos ? name : name.substr(comma + 1);
}

bool OptionSpec::is_called(std::string_view word) const noexcept {
    return word == long_name() || (name.contains(',') && word == name.substr(0, name.find(',')));
}

bool is_reference(std::string_view value, std::string_view form) {
    return net::is_token_reference(value) || (value == "mint" && form.starts_with("mint|"));
}

Result<void> read_rows(
    std::span<const PositionalSpec> positionals,
    std::span<const OptionSpec> rows,
    const Args& args,
    void* options
) {
    for (const PositionalSpec& row : positionals) {
        const auto given = args.given.find(row.name);
        if (given != args.given.end() && !given->second.empty()) {
            OA_CHECK(named(row.target.fill(row.rule, given->second, options), row.name));
        }
    }
    for (const OptionSpec& row : rows) {
        const auto given = args.given.find(row.long_name());
        if (given != args.given.end()) {
            OA_CHECK(named_files(row, given->second));
            OA_CHECK(named(references(row, given->second), row.long_name()));
            OA_CHECK(named(row.target.fill(row.rule, given->second, options), row.long_name()));
        } else if (!row.fallback.empty()) {
            const std::array fallback{std::string(row.fallback)};
            OA_CHECK(named(row.target.fill(row.rule, fallback, options), row.long_name()));
        }
    }
    return {};
}

Result<std::size_t> read_word(std::string_view text, const ValueRule& rule) {
    const auto found = std::ranges::find_if(rule.words, [&](std::string_view word) {
        return iequals(word, text);
    });
    if (found == rule.words.end()) {
        return fail(
            Code::usage,
            fmt::format("'{}' is not a possible value", printable(text, 40)),
            {},
            config::alternatives(rule.words)
        );
    }
    return static_cast<std::size_t>(found - rule.words.begin());
}

Result<std::uint64_t> read_number(std::string_view text, const ValueRule& rule) {
    return parse_count(
        text,
        static_cast<std::uint64_t>(std::max<std::int64_t>(rule.low, 0)),
        static_cast<std::uint64_t>(rule.high)
    );
}

Result<std::chrono::milliseconds> read_time(std::string_view text, const ValueRule& rule) {
    OA_TRY(const auto time, parse_duration(text));
    const std::int64_t millis = time.count();
    if (millis >= rule.low && millis <= rule.high) {
        return time;
    }
    return fail(
        Code::usage,
        fmt::format("{} is too {}", printable(text, 40), millis < rule.low ? "short" : "long"),
        {},
        millis < rule.low ? fmt::format("at least {}", time_text(rule.low))
                          : fmt::format("at most {}", time_text(rule.high))
    );
}

Result<std::string> read_connect_to(std::string_view text) {
    const std::string_view fault = url_fault(fmt::format("http://{}", text));
    if (!fault.empty() || text.find_first_of("/?#@,") != std::string_view::npos) {
        return fail(
            Code::usage,
            fmt::format(
                "'{}' is not HOST:PORT{}{}", printable(text, 80), fault.empty() ? "" : ": ", fault
            ),
            {},
            "like 127.0.0.1:8080"
        );
    }
    return std::string(text);
}

Result<std::string> read_line(std::string_view text) {
    if (text.empty() || find_refused_control(text)) {
        return fail(Code::usage, text.empty() ? "empty" : "not one line");
    }
    return std::string(text);
}

bool Args::has(std::string_view option) const {
    return given.contains(option);
}

std::vector<std::string> Args::all(std::string_view option) const {
    const auto found = given.find(option);
    return found == given.end() ? std::vector<std::string>{} : found->second;
}

} // namespace oa_stream::cli
