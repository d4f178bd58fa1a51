#include "oa_stream/measure/matchers.hpp"

#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/telemetry/metrics.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>

namespace oa_stream::measure {
namespace {

constexpr std::string_view k_letters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
constexpr std::array<std::string_view, 4> k_operators{"=~", "!~", "!=", "="}; // longer ones first

/// Parses the text from the front, matcher by matcher.
class MatcherReader {
public:
    explicit MatcherReader(std::string_view text) : all_(text), left_(text) {}

    Result<std::vector<Matcher>> run() {
        std::vector<Matcher> out;
        skip_spaces();
        while (!left_.empty()) {
            OA_TRY(Matcher next, matcher());
            out.push_back(std::move(next));
            skip_spaces();
            if (left_.empty()) {
                break;
            }
            if (!take(",")) {
                return refused("a comma belongs between two matchers");
            }
            skip_spaces();
            if (left_.empty()) {
                return refused("nothing follows the last comma");
            }
        }
        return out;
    }

private:
    [[nodiscard]] std::unexpected<Error> refused(std::string_view why) const {
        return fail(
            Code::usage,
            fmt::format(
                "label matchers are NAME=\"VALUE\", by commas: {}, in character {} of {}",
                why,
                all_.size() - left_.size() + 1,
                printable(all_, 80)
            ),
            {},
            "job=\"lane\""
        );
    }
    void skip_spaces() {
        left_.remove_prefix(std::min(left_.find_first_not_of(" \t"), left_.size()));
    }
    bool take(std::string_view word) {
        const bool there = left_.starts_with(word);
        left_.remove_prefix(there ? word.size() : 0);
        return there;
    }

    Result<Matcher> matcher() {
        Matcher out;
        const auto end = std::min(left_.find_first_not_of(k_letters), left_.size());
        out.name = std::string(left_.substr(0, end));
        if (!is_label_name(out.name)) {
            return refused("a label's name is letters, digits and _, no digit first");
        }
        if (out.name == "__name__") {
            return refused("the metric has its name already");
        }
        left_.remove_prefix(end);
        skip_spaces();
        for (const std::string_view word : k_operators) {
            if (out.op.empty() && take(word)) {
                out.op = word;
            }
        }
        if (out.op.empty()) {
            return refused("a name is followed by =, !=, =~ or !~");
        }
        skip_spaces();
        OA_TRY(out.value, value());
        return out;
    }

    Result<std::string> value() {
        if (!take("\"")) {
            return refused("a value needs double quotes");
        }
        std::string out;
        while (!take("\"")) {
            if (left_.empty()) {
                return refused("the value's closing quote is missing");
            }
            const auto next = character();
            if (!next) {
                return refused("in a value only \\\\, \\\" and \\n are escapes, and no control "
                               "character stands for itself");
            }
            out += *next;
        }
        if (invalid_utf8(out)) {
            return refused("the value before this is not UTF-8");
        }
        return out;
    }

    /// One character of a value; nullopt, without consuming anything, for a character that is not
    /// allowed.
    std::optional<char> character() {
        if (take("\\\\")) {
            return '\\';
        }
        if (take("\\\"")) {
            return '"';
        }
        if (take("\\n")) {
            return '\n';
        }
        const char c = left_.front();
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\\' || byte < 0x20 || byte == 0x7F) {
            return std::nullopt;
        }
        left_.remove_prefix(1);
        return c;
    }

    std::string_view all_;
    std::string_view left_;
};

} // namespace

bool is_label_name(std::string_view text) noexcept {
    return !text.empty() && text.find_first_not_of(k_letters) == std::string_view::npos &&
           (text[0] < '0' || text[0] > '9');
}

Result<void> check_revision_label(std::string_view text) {
    std::string why;
    if (!is_label_name(text)) {
        why = "is not a label's name";
    }
    bool taken = text == "__name__" || text == "le";
    for (const telemetry::Metric& row : telemetry::k_metrics) {
        std::string_view labels = row.kind == telemetry::Kind::gauge ? "" : row.labels;
        while (!labels.empty()) {
            taken = cut_until(labels, ',') == text || taken;
        }
    }
    if (taken) {
        why = "is a label that the lane's own metrics have";
    }
    return why.empty() ? Result<void>()
                       : fail(
                             Code::usage,
                             fmt::format("'{}' {}", printable(text, 40), why),
                             {},
                             "service_version"
                         );
}

Result<std::vector<Matcher>> parse_matchers(std::string_view text) {
    return MatcherReader(text).run();
}

} // namespace oa_stream::measure
