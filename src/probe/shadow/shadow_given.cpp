#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/net/oa_headers.hpp"
#include "oa_stream/probe/completions_smoke.hpp"
#include "oa_stream/probe/given_answer.hpp"

#include "shadow_diff.hpp"
#include "shadow_judge.hpp"
#include "stream/answer_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace oa_stream::probe {
namespace {

std::string media_type(const GivenAnswer& answer) {
    return printable(media_type_of(answer.headers->get("content-type").value_or("(none)")));
}

/// How it ended, in the terms of a probe that would have received it.
std::string ending(const GivenAnswer& answer, const TurnMeaning& meaning) {
    if (!answer.cut.empty()) {
        return std::string(answer.cut);
    }
    AnswerReader reader({.pacing = PacingMode::observe}, net::k_revision_header);
    net::ClientResponse response;
    response.status = answer.status;
    response.headers = *answer.headers;
    reader.head(response);
    (void)reader.bytes(answer.body, Clock::now());
    return ending_of(reader.end(response), meaning);
}

std::string error_code(const Json& body) {
    return printable(text_view_in(object_in(body, "error"), "code"));
}

void add_turn(
    std::vector<Difference>& out, const GivenAnswer& a, const GivenAnswer& b, Compare compare
) {
    const auto ignored = ShadowOptions::default_ignored();
    const TurnMeaning left = meaning_of_stream(a.body, ignored);
    const TurnMeaning right = meaning_of_stream(b.body, ignored);
    auto found = differences(left, right, compare, Excerpts::hidden);
    std::string first = ending(a, left);
    std::string second = ending(b, right);
    const bool listed =
        std::ranges::any_of(found, [](const Difference& d) { return d.what == "ending"; });
    if (first != second && !listed) {
        out.push_back({"ending", "the turn", std::move(first), std::move(second)});
    }
    std::ranges::move(found, std::back_inserter(out));
}

/// The content that a call, a file or a function puts into a part is private down to its member
/// names: only its kind is compared.
Json without_contents(Json shape) {
    constexpr std::array<std::string_view, 3> k_contents{"input", "output", "data"};
    if (shape.is_array()) {
        for (Json& one : shape) {
            one = without_contents(std::move(one));
        }
    } else if (shape.is_object()) {
        const bool part = shape.contains("type");
        for (auto& [name, value] : shape.items()) {
            const bool content = part && contains(k_contents, name);
            value = !content            ? without_contents(std::move(value))
                    : value.is_object() ? Json("object")
                    : value.is_array()  ? Json("array")
                                        : std::move(value);
        }
    }
    return shape;
}

void add_json(std::vector<Difference>& out, const GivenAnswer& a, const GivenAnswer& b) {
    const auto left = parse_json(a.body);
    const auto right = parse_json(b.body);
    if (!left || !right) {
        if (left.has_value() != right.has_value()) {
            const auto shown = [](bool ok) { return std::string(ok ? "JSON" : "no JSON"); };
            out.push_back({"body", "the answer", shown(left.has_value()), shown(right.has_value())}
            );
        }
        return;
    }
    if (error_code(*left) != error_code(*right)) {
        out.push_back({"error code", "the answer", error_code(*left), error_code(*right)});
    } else if (const auto shape = shape_difference(
                   without_contents(shape_of(*left)), without_contents(shape_of(*right))
               );
               !shape.empty()) {
        out.push_back({"shape", printable(shape), "not so", "so"});
    }
}

} // namespace

std::vector<std::string>
differences_of_given(const GivenAnswer& lane, const GivenAnswer& reference, Compare compare) {
    std::vector<Difference> found;
    const std::string first = media_type(lane);
    const std::string second = media_type(reference);
    if (lane.status != reference.status) {
        found.push_back(
            {"status", "the answer", std::to_string(lane.status), std::to_string(reference.status)}
        );
    } else if (first != second) {
        found.push_back({"media type", "the answer", first, second});
    } else if (first == "text/event-stream") {
        add_turn(found, lane, reference, compare);
    } else if (!lane.cut.empty()) {
        found.push_back({"ending", "the answer", std::string(lane.cut), "whole"});
    } else if (first == "application/json") {
        add_json(found, lane, reference);
    }
    return mapped(found, &Difference::sentence);
}

} // namespace oa_stream::probe
