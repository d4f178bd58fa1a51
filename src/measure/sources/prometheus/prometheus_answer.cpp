#include "oa_stream/measure/prometheus_answer.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/secret.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace oa_stream::measure::prometheus {
namespace {

constexpr std::size_t k_shown = 200; // of a foreign text, within a message

struct ErrorRow {
    std::string_view type;
    Code code;
};
// errorType of Prometheus 2.42's API; "not_ready" and plain texts are classified by status.
constexpr std::array k_errors{
    ErrorRow{"bad_data", Code::config},
    ErrorRow{"execution", Code::config},
    ErrorRow{"timeout", Code::timeout},
    ErrorRow{"canceled", Code::timeout},
    ErrorRow{"internal", Code::unavailable},
    ErrorRow{"unavailable", Code::unavailable},
    ErrorRow{"not_found", Code::not_found},
};

std::unexpected<Error> nonsense(std::string message) {
    return fail(Code::protocol, "not an answer of Prometheus: " + std::move(message));
}

Code code_of_status(int status) {
    if (refuses_credential(status)) {
        return Code::credentials;
    }
    if (status == 429 || status >= 500) {
        return Code::unavailable;
    }
    return Code::protocol;
}

std::unexpected<Error> refused(int status, const Json& document) {
    const auto type = string_member(document, "errorType").value_or("");
    const auto text = string_member(document, "error").value_or("");
    const auto row = std::ranges::find(k_errors, type, &ErrorRow::type);
    const bool by_status = refuses_credential(status) || row == k_errors.end();
    const Code code = by_status ? code_of_status(status) : row->code;
    return fail(
        code,
        fmt::format(
            "Prometheus refused the query ({}{}{}): {}",
            status,
            type.empty() ? "" : " ",
            printable(type, k_shown),
            printable(text, k_shown)
        ),
        {},
        code == Code::config ? "correct the expression" : ""
    );
}

Result<Point> point_of(const Json& pair) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number() || !pair[1].is_string()) {
        return nonsense("a sample is [time, \"value\"]");
    }
    const auto& text = pair[1].get_ref<const std::string&>();
    const auto value = parse_value(text);
    if (!value) {
        return nonsense("'" + printable(text, k_shown) + "' is not a value");
    }
    return Point{pair[0].get<double>(), *value};
}

Result<std::vector<Label>> labels_of(const Json& entry) {
    const Json* metric = member(entry, "metric");
    if (metric == nullptr || !metric->is_object()) {
        return nonsense("a series without labels");
    }
    std::vector<Label> out;
    for (const auto& [name, value] : metric->items()) {
        if (!value.is_string()) {
            return nonsense("a label that is not a string");
        }
        out.emplace_back(name, value.get<std::string>());
    }
    std::ranges::sort(out);
    return out;
}

/// Checks the number of series and points against the limits.
class AnswerReader {
public:
    explicit AnswerReader(const Limits& limits) : limits_(limits) {}

    Result<void> point(const Json& pair, Series& into) {
        if (++points_ > limits_.points) {
            return fail(
                Code::too_large, fmt::format("Prometheus answered over {} points", limits_.points)
            );
        }
        OA_TRY(const Point read, point_of(pair));
        if (!into.points.empty() && read.at_s <= into.points.back().at_s) {
            return nonsense("times that do not rise");
        }
        into.points.push_back(read);
        return {};
    }

    Result<Series> series(const Json& entry, ResultType type) {
        Series out;
        OA_TRY(out.labels, labels_of(entry));
        if (type == ResultType::vector) {
            const Json* value = member(entry, "value");
            OA_CHECK(point(value == nullptr ? Json() : *value, out));
            return out;
        }
        const Json* values = member(entry, "values");
        if (values == nullptr || !values->is_array() || values->empty()) {
            return nonsense("a series without values");
        }
        for (const Json& pair : *values) {
            OA_CHECK(point(pair, out));
        }
        return out;
    }

    Result<std::vector<Series>> all(const Json& result, ResultType type) {
        std::vector<Series> out;
        if (type == ResultType::scalar) {
            out.emplace_back();
            OA_CHECK(point(result, out.back()));
            return out;
        }
        if (!result.is_array()) {
            return nonsense("result is not a list");
        }
        if (result.size() > limits_.series) {
            return fail(
                Code::too_large, fmt::format("Prometheus answered over {} series", limits_.series)
            );
        }
        for (const Json& entry : result) {
            OA_TRY(Series read, series(entry, type));
            out.push_back(std::move(read));
        }
        std::ranges::sort(out, {}, &Series::labels);
        if (std::ranges::adjacent_find(out, {}, &Series::labels) != out.end()) {
            return nonsense("the same series twice");
        }
        return out;
    }

private:
    const Limits& limits_;
    std::size_t points_ = 0;
};

std::vector<std::string> warnings_of(const Json& document) {
    std::vector<std::string> out;
    // VictoriaMetrics: some of its storage nodes did not answer.
    const Json* partial = member(document, "isPartial");
    if (partial != nullptr && !partial->is_null() && *partial != Json(false)) {
        out.emplace_back("the answer is partial");
    }
    const Json* list = member(document, "warnings");
    if (list == nullptr || list->is_null() || (list->is_array() && list->empty())) {
        return out;
    }
    for (const Json& text : list->is_array() ? *list : Json::array({*list})) {
        out.push_back(
            printable(text.is_string() ? text.get<std::string>() : dump_json(text), k_shown)
        );
    }
    return out;
}

Result<Answer> parse_success(const Json& document, ResultType expected, const Limits& limits) {
    const Json* data = member(document, "data");
    const auto type = data == nullptr ? std::nullopt : string_member(*data, "resultType");
    if (!type) {
        return nonsense("no resultType");
    }
    if (*type != to_string(expected)) {
        return nonsense(fmt::format(
            "a {} where a {} was asked for", printable(*type, k_shown), to_string(expected)
        ));
    }
    const Json* result = member(*data, "result");
    if (result == nullptr) {
        return nonsense("no result");
    }
    Answer out{.type = expected, .warnings = warnings_of(document)};
    if (expected != ResultType::string) {
        OA_TRY(out.series, AnswerReader(limits).all(*result, expected));
    }
    return out;
}

} // namespace

std::string_view to_string(ResultType type) noexcept {
    constexpr std::array<std::string_view, 4> k_words{"vector", "matrix", "scalar", "string"};
    return enum_word<ResultType::string>(k_words, type);
}

std::string_view Series::label(std::string_view name) const noexcept {
    const auto found = std::ranges::find(labels, name, &Label::first);
    return found == labels.end() ? std::string_view() : std::string_view(found->second);
}

std::optional<double> parse_value(std::string_view text) noexcept {
    if (text == "NaN") {
        return std::numeric_limits<double>::quiet_NaN();
    }
    if (text == "+Inf" || text == "-Inf" || text == "Inf") {
        const double infinite = std::numeric_limits<double>::infinity();
        return text[0] == '-' ? -infinite : infinite;
    }
    // from_chars would accept "inf", "nan" and the like in any spelling.
    if (text.find_first_not_of("0123456789+-.eE") != std::string_view::npos) {
        return std::nullopt;
    }
    return number_of<double>(text);
}

Result<Answer>
parse_answer(int http_status, std::string_view body, ResultType expected, const Limits& limits) {
    if (body.size() > limits.bytes) {
        return fail(
            Code::too_large, fmt::format("Prometheus answered over {} bytes", limits.bytes)
        );
    }
    const auto document = parse_json(body);
    const auto status = document ? string_member(*document, "status") : std::nullopt;
    if (status == "error") {
        return refused(http_status, *document);
    }
    if (http_status != 200) {
        // Another kind of service, or a proxy in front, answered: show its message instead of its
        // JSON.
        const auto message = document ? string_member(*document, "message") : std::nullopt;
        const std::string words = printable(message.value_or(body), k_shown);
        return fail(
            code_of_status(http_status),
            fmt::format(
                "Prometheus answered {}{}{}", http_status, words.empty() ? "" : ": ", words
            ),
            {},
            http_status == 404 ? "is it Prometheus? The base URL goes before /api/v1/query" : ""
        );
    }
    if (!document) {
        return nonsense(document.error().message);
    }
    if (status != "success") {
        return nonsense("no status");
    }
    return parse_success(*document, expected, limits);
}

} // namespace oa_stream::measure::prometheus
