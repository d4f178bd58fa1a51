#include "docs_blocks.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>

using namespace oa_stream::test;

TEST_CASE("docs: the blocks that telemetry makes stand in the pages as it makes them now") {
    for (const DocsBlock& block : docs_blocks()) {
        CAPTURE(block.page, block.name);
        std::ifstream in(std::string(OA_SOURCE_DIR "/docs/") + std::string(block.page));
        const std::string page{std::istreambuf_iterator<char>(in), {}};
        CHECK(page.contains("<!-- telemetry " + std::string(block.name) + " -->\n"));
        CHECK(
            with_block(page, block) == page
        ); // else: build/dev/tests/telemetry/telemetry_docs docs
    }
}
