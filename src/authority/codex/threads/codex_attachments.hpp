// What the lane keeps with a Codex thread: attachments of its own types. Measured with codex
// 0.169.0: one takes 65,536 bytes of JSON and cannot be changed, a thread has at most 100, a fork
// none.
#pragma once

#include "oa_stream/base/json.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

inline constexpr int k_most_attachments = 100;

struct Attachment {
    std::uint64_t number = 0; ///< its key: which of its type it is
    Json payload;
};

/// Of thread/attachment/list; `cursor` empty: from the first.
[[nodiscard]] Json list_attachments(const std::string& thread, std::string cursor = {});
/// Those of one type in what that answered.
[[nodiscard]] std::vector<Attachment> attachments_in(const Json& page, std::string_view type);
/// Which one thread/attachment/remove removes; with a payload: what thread/attachment/add adds.
[[nodiscard]] Json
attachment_params(const std::string& thread, std::string_view type, std::uint64_t number);

} // namespace oa_stream::authority
