// Splits one message of a chat request, in any of its forms, into a list of pieces.
#pragma once

#include "oa_stream/base/json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

struct Piece {
    enum class Kind {
        text,    ///< value is the text
        image,   ///< value is a data: or https: URL
        file, ///< value is the text of a text file, in the form for the model
        refused, ///< a file that the lane cannot pass on
        page,    ///< for the page alone: data-*, source-*, reasoning
        unknown, ///< a part type that is not defined for user messages
    };
    Kind kind = Kind::text;
    std::string value{};
    std::string path{};  ///< "messages[2].parts[0]"
    std::string label{}; ///< "file application/pdf"
    std::string_view fault{}; ///< why it is refused, if known
};

/// Reads one message object. The text is the first of `parts`, `text`, `message`, `content` that is
/// not blank: pages that got both from /messages edit the parts. Files and images are read from
/// every place. A step-start is left out.
[[nodiscard]] std::vector<Piece> read_pieces(const Json& message, const std::string& path);

[[nodiscard]] bool is_blank(std::string_view text) noexcept;
/// The text pieces, each on its own line, or separated by `between`.
[[nodiscard]] std::string
joined_text(const std::vector<Piece>& pieces, std::string_view between = "\n");

} // namespace oa_stream::lane
