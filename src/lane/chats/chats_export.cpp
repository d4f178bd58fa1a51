// GET /api/chats/{id}/export: a whole conversation as one file, for reading or for another program.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/wire/ui_part.hpp"

#include "chats.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::lane {

namespace {

constexpr std::size_t k_page = 200;
constexpr std::size_t k_most_bytes = 64U << 20U;

struct Form {
    std::string_view name;
    std::string_view type;
    std::string_view ending;
};
constexpr Form k_json{"json", "application/json", "json"};
constexpr Form k_markdown{"markdown", "text/markdown; charset=utf-8", "md"};

Accepted<Form> read_form(std::string_view query) {
    const auto name = query_parameter(query, "format").value_or("json");
    if (name != k_json.name && name != k_markdown.name) {
        return invalid_field("format", "format must be json or markdown");
    }
    return name == k_json.name ? k_json : k_markdown;
}

/// Uses a fence that is longer than any in the text.
void append_fenced(std::string& out, std::string_view text) {
    std::size_t longest = 2;
    std::size_t run = 0;
    for (const char c : text) {
        run = c == '`' ? run + 1 : 0;
        longest = std::max(longest, run);
    }
    const std::string fence(longest + 1, '`');
    out.append(fence).append("\n").append(text).append("\n").append(fence).append("\n\n");
}

void append_part(std::string& out, const Json& part) {
    const auto type = string_member(part, "type").value_or("");
    if (type == "text") {
        out.append(string_member(part, "text").value_or("")).append("\n\n");
    } else if (type == "file") {
        out.append(fmt::format("*File: {}*\n\n", string_member(part, "mediaType").value_or("?")));
    } else if (const auto tool = wire::ui::tool_name_in(part)) {
        out.append(fmt::format("*Tool: {}*\n\n", *tool));
        for (const std::string_view key : {"input", "output", "errorText"}) {
            if (const Json* value = given(part, key)) {
                append_fenced(out, dump_json(*value));
            }
        }
    }
}

std::string markdown_of(const Json& conversation, const Json& messages) {
    auto out = fmt::format("# {}\n\n", string_member(conversation, "title").value_or(""));
    for (const Json& message : messages) {
        const bool user = string_member(message, "role") == "user";
        out.append(user ? "## User\n\n" : "## Assistant\n\n");
        for (const Json& part : message.at("parts")) {
            append_part(out, part);
        }
    }
    return out;
}

Rejection reject_large() {
    return reject(
        413,
        "payload_too_large",
        "this conversation is too large for one file: read it page by page at /messages"
    );
}

} // namespace

/// All messages, read page by page.
Task<Accepted<Json>> Chats::all_messages(ThreadPage page, AnswerRoom* room) {
    Json all = Json::array();
    std::size_t bytes = 0;
    page.asked = {.limit = k_page};
    page.newest_first = false; // `order` applies to lists only
    while (true) {
        OA_CO_TRY(auto read, co_await read_messages(&lane_->authority(), page));
        const std::size_t before = bytes;
        for (Json& message : read.body.at("data")) {
            bytes += dump_json(message).size();
            all.push_back(std::move(message));
        }
        if (bytes > k_most_bytes) {
            co_return reject_large();
        }
        OA_CO_CHECK(room->add(bytes - before));
        const auto next = string_member(read.body, "nextCursor");
        if (!next) {
            co_return all;
        }
        OA_CO_TRY(auto following, read_page("cursor=" + std::string(*next), "m"));
        page.asked.after = std::move(following.after);
    }
}

Task<Accepted<net::Response>> Chats::export_chat(CallPtr call) {
    OA_CO_TRY(auto thread, co_await read_thread(call, Reading::messages));
    OA_CO_TRY(const auto form, read_form(call->request().query));
    const std::string id = thread.page.context.thread;
    const Json summary = project_thread(id, thread.info, thread.archived);
    AnswerRoom room(*lane_); // until the file exists, which is counted on its own
    OA_CO_TRY(auto messages, co_await all_messages(std::move(thread.page), &room));
    net::Response response;
    response.status = 200;
    response.headers.set("content-type", std::string(form.type));
    response.headers.set("cache-control", "no-store");
    response.headers.set(
        "content-disposition", fmt::format("attachment; filename=\"{}.{}\"", id, form.ending)
    );
    if (form.name == k_json.name) {
        Json file = Json::object({{"format", k_export_format}});
        file["exportedAt"] = rfc3339_millis(std::chrono::system_clock::now());
        file["conversation"] = summary;
        file["messages"] = std::move(messages);
        response.body = dump_json(file) + '\n';
    } else {
        response.body = markdown_of(summary, messages);
    }
    co_return response;
}

} // namespace oa_stream::lane
