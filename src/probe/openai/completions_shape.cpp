#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/probe/completions_smoke.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::probe {

namespace {

/// What is shown for a value; members of an object are compared one by one.
std::string word_of(const Json& shape) {
    if (shape.is_string()) {
        return shape.get<std::string>();
    }
    return shape.is_object() ? "object" : fmt::format("array of {}", shape.size());
}

std::string difference(const Json& a, const Json& b, const std::string& path) {
    if (a.is_object() && b.is_object()) {
        for (const auto* one : {&a, &b}) {
            for (const auto& [name, value] : one->items()) {
                const auto* left = member(a, name);
                const auto* right = member(b, name);
                if (left == nullptr || right == nullptr) {
                    return fmt::format("{}.{}: only one has it", path, name);
                }
                if (auto found = difference(*left, *right, fmt::format("{}.{}", path, name));
                    !found.empty()) {
                    return found;
                }
            }
        }
        return {};
    }
    if (a.is_array() && b.is_array() && a.size() == b.size()) {
        for (std::size_t i = 0; i < a.size(); ++i) {
            auto found = difference(a[i], b[i], fmt::format("{}[{}]", path, i));
            if (!found.empty()) {
                return found;
            }
        }
        return {};
    }
    return a == b ? std::string() : fmt::format("{}: {}, {}", path, word_of(a), word_of(b));
}

/// Each kind of message in `output` once, and nothing else from it.
Json kinds_of_message(const Json& output) {
    Json out = Json::array();
    for (const Json& item : output) {
        if (text_view_in(item, "type") == "message") {
            Json shape = shape_of(item);
            shape.erase("phase");
            if (!contains(out, shape)) {
                out.push_back(std::move(shape));
            }
        }
    }
    return out;
}

Json settled_shape(const Json& answer) {
    static const Json::json_pointer k_message("/choices/0/message");
    Json out = shape_of(answer);
    if (out.contains(k_message) && out[k_message].is_object()) {
        out[k_message].erase("reasoning_content");
    }
    if (const auto* output = member(answer, "output"); output != nullptr && output->is_array()) {
        out["output"] = kinds_of_message(*output);
    }
    return out;
}

} // namespace

Json shape_of(const Json& answer) {
    if (answer.is_object()) {
        Json out = Json::object();
        for (const auto& [name, value] : answer.items()) {
            out[name] = shape_of(value);
        }
        return out;
    }
    if (answer.is_array()) {
        return json_list(answer, shape_of);
    }
    if (answer.is_number()) {
        return "number";
    }
    return answer.is_string() ? "string" : answer.is_boolean() ? "boolean" : "null";
}

std::string shape_difference(const Json& a, const Json& b) {
    return difference(a, b, "$");
}

std::string whole_difference(const Json& a, const Json& b) {
    return shape_difference(settled_shape(a), settled_shape(b));
}

} // namespace oa_stream::probe
