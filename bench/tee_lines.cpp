// Stands in for a program that speaks JSON lines, and notes when each text delta leaves it.
//
//   bench_tee_lines LOG PROGRAM ARGUMENT…
//
// Standard input and error are the program's own; its output passes through, and for each line with
// a delta "<ns> <delta text>" is appended to LOG at the moment the line was read.
#include "posix.hpp"

#include <sys/wait.h>

#include <array>

using namespace oa_stream::bench;

namespace {

void note(std::FILE* log, std::string_view line, std::int64_t at) {
    if (!line.contains("\"item/agentMessage/delta\"")) {
        return;
    }
    const std::size_t key = line.find("\"delta\":\"");
    if (key != std::string_view::npos) {
        const std::size_t from = key + 9;
        fmt::print(log, "{} {}\n", at, line.substr(from, line.find('"', from) - from));
        std::fflush(log);
    }
}

void pass_on(int from, std::FILE* log) {
    std::array<char, 65536> buffer{};
    std::string line;
    for (ssize_t got = 0; (got = ::read(from, buffer.data(), buffer.size())) > 0;) {
        const std::int64_t at = now_ns();
        std::string_view rest(buffer.data(), static_cast<std::size_t>(got));
        for (std::string_view out = rest; !out.empty();) {
            const ssize_t sent = ::write(STDOUT_FILENO, out.data(), out.size());
            if (sent <= 0) {
                return;
            }
            out.remove_prefix(static_cast<std::size_t>(sent));
        }
        for (std::size_t end = 0; (end = rest.find('\n')) != std::string_view::npos;) {
            line.append(rest.substr(0, end));
            note(log, line, at);
            line.clear();
            rest.remove_prefix(end + 1);
        }
        line.append(rest);
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        fmt::print(stderr, "usage: bench_tee_lines LOG PROGRAM ARGUMENT...\n");
        return 2;
    }
    std::FILE* log = std::fopen(argv[1], "ae");
    std::array<int, 2> pipe{};
    if (log == nullptr || ::pipe2(pipe.data(), O_CLOEXEC) < 0) {
        die(argv[1]);
    }
    const pid_t child = check(::fork(), "fork");
    if (child == 0) {
        ::dup2(pipe[1], STDOUT_FILENO);
        ::execv(argv[2], argv + 2);
        die(argv[2]);
    }
    ::close(pipe[1]);
    ::close(STDIN_FILENO); // the child alone reads it
    pass_on(pipe[0], log);
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
