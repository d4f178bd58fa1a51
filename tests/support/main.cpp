#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include <csignal>

int main(int argc, char** argv) {
    (void)std::signal(SIGPIPE, SIG_IGN); // as the program does: EPIPE is an error like any other
    return Catch::Session().run(argc, argv);
}
