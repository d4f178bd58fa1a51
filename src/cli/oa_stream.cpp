#include "core/command.hpp"

int main(int argc, char** argv) {
    return oa_stream::cli::main(argc, argv);
}
