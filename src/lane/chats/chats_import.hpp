// Reads a conversation from a file that GET …/export made, on this or another lane.
#pragma once

#include "oa_stream/lane/config.hpp"

#include "history/seed.hpp"

#include <string>
#include <string_view>

namespace oa_stream::lane {

inline constexpr std::string_view k_export_format = "oa-stream.chat.v1";

struct ImportContext {
    SeedContext seed{};
    std::size_t messages = LaneLimits{}.messages; ///< at most
};

struct ImportedChat {
    std::string id; ///< the original id; empty: none
    std::string title{}; ///< the file's title, or else its first question; may be empty
    bool archived = false;
    std::size_t count = 0; ///< messages in the file
    Seed seed{};
};

/// True when the body has the export's format, or claims to have it.
[[nodiscard]] bool is_export(const Json& body);

/// 422 with the wrong member or message.
[[nodiscard]] Accepted<ImportedChat> read_export(const Json& file, const ImportContext& context);

} // namespace oa_stream::lane
