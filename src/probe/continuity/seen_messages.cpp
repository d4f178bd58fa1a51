#include "oa_stream/probe/seen_messages.hpp"

#include "oa_stream/base/json.hpp"

#include <fmt/format.h>

#include <cstddef>

namespace oa_stream::probe {
namespace {

std::string content_text(const Json& message) {
    const Json* content = member(message, "content");
    if (content == nullptr) {
        return {};
    }
    return content->is_string() ? content->get<std::string>() : dump_json(*content);
}

} // namespace

std::optional<std::vector<SeenMessage>> messages_of(std::string_view body) {
    const auto json = parse_json(body);
    const Json* data = json ? member(*json, "data") : nullptr;
    if (data == nullptr || !data->is_array()) {
        return std::nullopt;
    }
    std::vector<SeenMessage> out;
    for (const Json& message : *data) {
        out.push_back(
            {std::string(string_member(message, "role").value_or("")), content_text(message)}
        );
    }
    return out;
}

std::string
missing_messages(const std::vector<SeenMessage>& expected, const std::vector<SeenMessage>& seen) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
        if (i == seen.size()) {
            return fmt::format(
                "{} of {} messages are missing", expected.size() - i, expected.size()
            );
        }
        if (!(expected[i] == seen[i])) {
            return fmt::format("message {} of {} is another one", i + 1, expected.size());
        }
    }
    return {};
}

} // namespace oa_stream::probe
