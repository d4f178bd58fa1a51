#include "codex_attachments.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"

#include "codex/codex_requests.hpp"

#include <limits>
#include <utility>

namespace oa_stream::authority {

Json list_attachments(const std::string& thread, std::string cursor) {
    Json params = thread_params(thread);
    params["limit"] = k_most_attachments;
    if (!cursor.empty()) {
        params["cursor"] = std::move(cursor);
    }
    return params;
}

std::vector<Attachment> attachments_in(const Json& page, std::string_view type) {
    std::vector<Attachment> out;
    for (const Json& one : list_in(page, "data")) {
        const Json* payload = member(one, "payload");
        const auto number = parse_count(
            text_view_in(one, "identityKey"), 0, std::numeric_limits<std::uint64_t>::max()
        );
        if (text_view_in(one, "attachmentType") == type && payload != nullptr && number) {
            out.emplace_back(*number, *payload);
        }
    }
    return out;
}

Json attachment_params(const std::string& thread, std::string_view type, std::uint64_t number) {
    Json params = thread_params(thread);
    params["attachmentType"] = type;
    params["identityKey"] = std::to_string(number);
    return params;
}

} // namespace oa_stream::authority
