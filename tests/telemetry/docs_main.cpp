#include "docs_blocks.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

int main(int argc, char** argv) {
    if (argc != 2) {
        return EXIT_FAILURE;
    }
    for (const auto& block : oa_stream::test::docs_blocks()) {
        const auto file = std::filesystem::path(argv[1]) / block.page;
        std::ifstream in(file);
        std::string page{std::istreambuf_iterator<char>(in), {}};
        std::ofstream(file) << oa_stream::test::with_block(std::move(page), block);
    }
    return EXIT_SUCCESS;
}
