// Bodies of requests: no crash, the same JSON as the library's own parser reads, and a chat means
// the same when only the members that are looked for were kept.
#include "oa_stream/base/json_bounds.hpp"

#include "chats/chat_request.hpp"
#include "chats/request_extras.hpp"
#include "completions/completions_request.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace oa_stream;
using namespace oa_stream::lane;

namespace {

constexpr int k_depth = 64;

std::string told(const Rejection& rejection) {
    std::string out =
        fmt::format("{} {} {}\n", rejection.status, rejection.code, rejection.message);
    for (const auto& [field, text] : rejection.fields) {
        out += fmt::format("{}: {}\n", field, text);
    }
    return out + dump_json(rejection.details);
}

void tell(std::string& out, const std::vector<authority::InputPart>& parts) {
    for (const auto& part : parts) {
        const auto* image = std::get_if<authority::InputImage>(&part);
        out += image != nullptr ? "image " + image->url
                                : "text " + std::get<authority::InputText>(part).text;
        out += '\n';
    }
}

std::string told(const Accepted<ChatRequest>& read) {
    if (!read) {
        return told(read.error());
    }
    const ChatRequest& chat = *read;
    std::string out = fmt::format(
        "{} {} {} {} {} {} {} {}\n",
        chat.thread_made ? "" : chat.thread,
        chat.worker,
        chat.text,
        chat.user_message_id,
        chat.regenerate,
        chat.message_id,
        chat.whole_list,
        chat.earlier.size()
    );
    tell(out, chat.input);
    for (const auto& message : chat.earlier) {
        out += fmt::format("{} {} {}\n", message.role == Role::user, message.id, message.text);
    }
    for (const auto& answer : chat.approvals) {
        out += fmt::format("{} {}\n", answer.id, answer.approved);
    }
    return out;
}

void check(bool holds) {
    if (!holds) {
        std::abort();
    }
}

/// Whether a refusal is one that the library does not know.
bool is_ours(const Error& error) {
    return error.message.contains("nested deeper") || error.message.contains("byte order mark");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto whole = parse_json(text, {.depth = k_depth});
    if (text.find('\0') == std::string_view::npos && (whole || !is_ours(whole.error()))) {
        const auto known = Json::parse(text, nullptr, false);
        check(whole.has_value() != known.is_discarded());
        check(!whole || *whole == known);
    }
    // Whatever is left out, what is read is checked.
    const auto kept = parse_json_within(
        text,
        {.depth = k_depth,
         .wanted = chat_request_names(),
         .whole = extras_names(),
         .named_levels = k_named_levels}
    );
    check(whole.has_value() == kept.has_value());
    const auto bounded = parse_json_within(text, {.depth = 8, .members = 4, .values = 16});
    check(whole.has_value() || !bounded.has_value());
    if (!whole) {
        check(whole.error().message == kept.error().message);
        return 0;
    }
    check(!bounded || *bounded == *whole);
    const ChatRequestContext context{
        .query = "threadId=t", .text_chars = 100, .images = size % 2 == 0, .messages = 20
    };
    check(told(read_chat_request(*whole, context)) == told(read_chat_request(*kept, context)));
    const auto completion = read_completions_request(*whole, {.images = true, .messages = 20});
    check(!completion || !completion->input.empty());
    return 0;
}
