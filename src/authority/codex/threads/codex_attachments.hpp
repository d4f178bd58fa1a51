// The lane's own data on a Codex thread, as attachments with types of its own. Measured with codex
// 0.169.0: an attachment holds at most 65,536 bytes of JSON and cannot be changed, a thread has at
// most 100, and a fork copies none.
#pragma once

#include "oa_stream/base/json.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

inline constexpr int k_most_attachments = 100;

struct Attachment {
    std::uint64_t number = 0; ///< its key within its type
    Json payload;
};

/// Parameters of thread/attachment/list; `cursor` empty: from the first.
[[nodiscard]] Json list_attachments(const std::string& thread, std::string cursor = {});
/// The attachments of one type in a page of that result.
[[nodiscard]] std::vector<Attachment> attachments_in(const Json& page, std::string_view type);
/// Parameters of thread/attachment/remove; with a payload added, of thread/attachment/add.
[[nodiscard]] Json
attachment_params(const std::string& thread, std::string_view type, std::uint64_t number);

} // namespace oa_stream::authority
