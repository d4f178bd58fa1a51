// The strict fake as a program: cloud_run_fake READY_FILE [PROJECT REGION SERVICE]. It writes its
// URL to READY_FILE and runs until it is killed; tests arrange it below /_fake/.
#include "oa_stream/base/file.hpp"

#include "cloud_run_fake.hpp"

#include <exception>
#include <iostream>

int main(int argc, char** argv) {
    using namespace oa_stream;
    using namespace oa_stream::traffic::testing;
    if (argc != 2 && argc != 5) {
        std::cerr << "usage: cloud_run_fake READY_FILE [PROJECT REGION SERVICE]\n";
        return 2;
    }
    try {
        asio::io_context io;
        CloudRunModel::Place place;
        if (argc == 5) {
            place = {argv[2], argv[3], argv[4]};
        }
        const CloudRunFake fake(io, place);
        if (const auto written = write_file_atomic(argv[1], fake.url()); !written) {
            std::cerr << written.error().text() << '\n';
            return 1;
        }
        io.run();
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
    return 0;
}
