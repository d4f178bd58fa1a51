#include "completions_stream.hpp"

#include <array>

namespace oa_stream::contract {

using namespace wire::completions;

namespace {

enum class Kind { role, content, finish, usage, error, done };

Kind kind_of(const Event& event) {
    if (std::holds_alternative<Done>(event)) {
        return Kind::done;
    }
    if (std::holds_alternative<ErrorObject>(event)) {
        return Kind::error;
    }
    const Chunk& chunk = std::get<Chunk>(event);
    return chunk.role     ? Kind::role
           : chunk.finish ? Kind::finish
           : chunk.usage  ? Kind::usage
                          : Kind::content;
}

bool is_content(const CompletionEvents& stream, std::size_t at) {
    return at < stream.size() && kind_of(stream[at]) == Kind::content;
}

} // namespace

CompletionEvents random_completion(std::mt19937& random) {
    static constexpr std::array<std::string_view, 6> k_texts{
        "w1 ", "\n", "[DONE]", "data: {}\n\n", "\"é\\", "\u2028"
    };
    static constexpr std::array<std::string_view, 3> k_reasons{"stop", "length", "content_filter"};
    const Chunk common{
        .id = "chatcmpl-" + std::to_string(random()),
        .created = static_cast<std::int64_t>(random() % 2'000'000'000U),
        .model = "m/1",
    };
    CompletionEvents out;
    Chunk role = common;
    role.role = "assistant";
    role.content = "";
    out.emplace_back(role);
    for (std::size_t i = random() % 6U; i > 0; --i) {
        Chunk content = common;
        content.content = k_texts[random() % k_texts.size()];
        out.emplace_back(content);
    }
    const bool failed = random() % 3U == 0;
    if (!failed) {
        Chunk finish = common;
        finish.finish = k_reasons[random() % k_reasons.size()];
        out.emplace_back(finish);
    }
    if (random() % 2U == 0) {
        Chunk usage = common;
        usage.has_choice = false;
        const auto in = static_cast<std::int64_t>(1 + random() % 1000U);
        const auto spent = static_cast<std::int64_t>(random() % 1000U);
        usage.usage = Usage{in, spent, in + spent, in / 2, spent / 3};
        out.emplace_back(usage);
    }
    if (failed) {
        out.emplace_back(ErrorObject{.message = "m", .type = "server_error", .code = "stalled"});
    } else {
        out.emplace_back(Done{});
    }
    return out;
}

std::string written(const CompletionEvents& stream) {
    std::string out;
    for (const Event& event : stream) {
        append_frame(out, event);
    }
    return out;
}

std::string_view legal_to_drop(const CompletionEvents& stream, std::size_t at) {
    switch (kind_of(stream[at])) {
    case Kind::content:
        return "less text is text";
    case Kind::usage:
        return "usage is sent when it is known";
    default:
        return {};
    }
}

std::string_view legal_to_copy(const CompletionEvents& stream, std::size_t from, std::size_t to) {
    const bool between = to > 0 && (is_content(stream, to - 1) || to == 1) && to < stream.size();
    return kind_of(stream[from]) == Kind::content && between ? "more text is text"
                                                             : std::string_view{};
}

std::string_view legal_to_swap(const CompletionEvents& stream, std::size_t at) {
    return is_content(stream, at) && is_content(stream, at + 1) ? "another text is text"
                                                                : std::string_view{};
}

} // namespace oa_stream::contract
