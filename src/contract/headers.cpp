#include "headers.hpp"

#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <optional>

namespace oa_stream::contract {

std::optional<std::string> header(const ResponseHead& head, std::string_view name) {
    std::optional<std::string> joined;
    for (const auto& [key, value] : head.headers) {
        if (iequals(key, name)) {
            joined = joined ? *joined + ", " + value : value;
        }
    }
    return joined;
}

void judge_headers(const ResponseHead& head, Profile profile, const UiMachine::Report& report) {
    const auto demand = [&](std::string_view rule, std::string_view name, auto&& good) {
        const auto value = header(head, name);
        if (!good(std::string_view(value ? *value : std::string()))) {
            report(rule, fmt::format("{} is {}", name, value ? printable(*value) : "missing"));
        }
    };
    demand("H2", "content-type", [](std::string_view value) {
        return media_type_of(value) == "text/event-stream";
    });
    demand("H3", "cache-control", [](std::string_view value) {
        return lists_word(value, "no-cache") && lists_word(value, "no-transform");
    });
    if (!is_openai(profile)) {
        demand("H4", "x-vercel-ai-ui-message-stream", [](std::string_view value) {
            return value == "v1";
        });
    }
    demand("H5", "x-accel-buffering", [](std::string_view value) { return iequals(value, "no"); });
    for (const std::string_view name : {"content-encoding", "content-length"}) {
        if (const auto value = header(head, name); value && !value->empty()) {
            report("H6", fmt::format("{} is {}", name, printable(*value)));
        }
    }
}

} // namespace oa_stream::contract
