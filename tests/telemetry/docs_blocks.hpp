// The parts of the docs that telemetry's tables make. A block stands between
// `<!-- telemetry NAME -->` and `<!-- end -->`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::test {

struct DocsBlock {
    std::string_view page; ///< "slo.md"
    std::string_view name;
    std::string text; ///< of whole lines
};
[[nodiscard]] std::vector<DocsBlock> docs_blocks();

/// `page` with the block's text between its marks; the page itself when it has no such marks.
[[nodiscard]] std::string with_block(std::string page, const DocsBlock& block);

} // namespace oa_stream::test
