#include "open_report.hpp"

#include "oa_stream/base/url.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <system_error>

namespace oa_stream::cli {

namespace {

namespace fs = std::filesystem;

/// Empty: there is no report.
std::string report_url(const Context& context) {
    std::error_code ignored;
    const fs::path file = fs::absolute(context.evidence, ignored) / (context.report_name + ".html");
    if (context.evidence.empty() || !fs::exists(file, ignored)) {
        return {};
    }
    std::string out = "file://";
    for (const fs::path& part : file.lexically_normal().relative_path()) {
        out += '/' + percent_encode(part.string());
    }
    return out;
}

/// Returns 0, or the errno of the start. The program outlives us in its own session, without our
/// terminal and descriptors.
int start_apart(const char* program, std::string argument) {
    posix_spawnattr_t attributes{};
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF);
    sigset_t ignored_here;
    ::sigemptyset(&ignored_here);
    ::sigaddset(&ignored_here, SIGPIPE);
    ::sigaddset(&ignored_here, SIGXFSZ);
    posix_spawnattr_setsigdefault(&attributes, &ignored_here);
    posix_spawn_file_actions_init(&actions);
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_RDWR, 0);
    }
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    std::string name(program);
    const std::array<char*, 3> words{name.data(), argument.data(), nullptr};
    pid_t child = 0;
    const int error =
        ::posix_spawnp(&child, program, &actions, &attributes, words.data(), ::environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error;
}

} // namespace

void tell_report(const Context& context) {
    const std::string url = context.tty ? report_url(context) : std::string{};
    if (!url.empty()) {
        context.err(fmt::format("report: {}\n", url));
    }
}

void open_report(const Context& context) {
    const std::string url = report_url(context);
    if (url.empty()) {
        context.err(fmt::format("nothing to open: this left no {}.html\n", context.report_name));
        return;
    }
    if (const int error = start_apart("xdg-open", url); error != 0) {
        const std::string why = errno_text(error);
        context.err(fmt::format("not opened, xdg-open: {}; it is {}\n", why, url));
    }
}

} // namespace oa_stream::cli
