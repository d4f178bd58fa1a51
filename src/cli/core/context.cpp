#include "context.hpp"

#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/log.hpp"
#include "oa_stream/base/output.hpp"

#include "layers.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace oa_stream::cli {

std::optional<std::string> real_environment(std::string_view name) {
    const char* value =
        std::getenv(std::string(name).c_str()); // NOLINT(concurrency-mt-unsafe): nothing sets it
    if (value == nullptr || *value == '\0') {
        return std::nullopt;
    }
    return std::string(value);
}

namespace {

/// The absolute path; unchanged when the working directory is unknown, for example because it was
/// removed.
std::filesystem::path absolute_of(const std::filesystem::path& path) {
    std::error_code unknown;
    std::filesystem::path out = std::filesystem::absolute(path, unknown);
    return unknown ? path : out;
}

/// The state directory that an operator's shell with this environment would use.
std::filesystem::path usual_state_dir() {
    if (const auto value = real_environment("OA_STREAM_STATE_DIR")) {
        return absolute_of(*value);
    }
    if (const auto xdg = real_environment("XDG_STATE_HOME")) {
        return absolute_of(std::filesystem::path(*xdg) / "oa-stream");
    }
    return absolute_of(std::filesystem::path(home_in(real_environment)) / ".local/state/oa-stream");
}

/// Flag or file > OA_STREAM_STATE_DIR > $STATE_DIRECTORY (systemd) > XDG.
std::filesystem::path state_dir(const GlobalOptions& globals) {
    if (globals.state_dir) {
        return absolute_of(*globals.state_dir);
    }
    const auto of_service = real_environment("STATE_DIRECTORY"); // several with a colon between
    return of_service && !real_environment("OA_STREAM_STATE_DIR")
               ? absolute_of(of_service->substr(0, of_service->find(':')))
               : usual_state_dir();
}

int width_behind(int descriptor) {
    winsize size{};
    if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) {
        return size.ws_col;
    }
    return 80;
}

/// Why standard output accepted no more; 0: it accepted everything.
int g_out_error = 0;

void note_out_error(int error) {
    if (g_out_error == 0) {
        g_out_error = error;
    }
}

/// Nothing is written after a permanent failure.
std::size_t write_some(std::string_view text) {
    const auto [taken, error] = write_stdout_at_once(text);
    note_out_error(error);
    return error == 0 ? taken : text.size();
}

} // namespace

int terminal_width() {
    return width_behind(STDERR_FILENO);
}

int page_width() {
    return width_behind(STDOUT_FILENO);
}

void write_result(std::string_view text) {
    note_out_error(write_all(STDOUT_FILENO, text));
}

Result<void> results_written() {
    // A reader that left (`| head`) has what it wanted.
    if (g_out_error == 0 || g_out_error == EPIPE) {
        return {};
    }
    const std::string why = errno_text(g_out_error);
    return fail(
        Code::io,
        why,
        "standard output",
        "the output is incomplete; check the disk with " + Suggestion{"doctor"}
    );
}

std::vector<std::string> state_words(const std::filesystem::path& used) {
    return used == usual_state_dir() ? std::vector<std::string>{}
                                     : std::vector{std::string(k_state_dir.name), used.string()};
}

Result<Context> real_context(const Invocation& invocation, int argc, char** argv) {
    GlobalOptions globals;
    OA_CHECK(read_rows({}, global_options(), invocation.globals, &globals));
    using enum GlobalOptions::Colour;
    Context context;
    context.out = write_result;
    context.out_some = write_some;
    context.out_error = [] { return g_out_error; };
    context.err = [](std::string_view text) { process_log().verbatim(text); };
    context.env = real_environment;
    context.state_dir = state_dir(globals);
    if (!context.state_dir.is_absolute()) {
        return fail(
            Code::io,
            "this folder was removed: a relative path has no base",
            context.state_dir.string(),
            "cd to a folder that exists, or name the state directory from the root"
        );
    }
    context.state_words = state_words(context.state_dir);
    std::error_code ignored;
    context.program = std::filesystem::read_symlink("/proc/self/exe", ignored).string();
    context.argv.assign(argv, argv + argc);
    context.globals = globals;
    context.json = globals.json;
    context.quiet = globals.quiet;
    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    const bool dumb = real_environment("TERM").value_or("dumb") == "dumb";
    // Trace lines would disrupt a live display.
    const bool traced = globals.verbose || globals.trace;
    if (traced) {
        set_trace(
            globals.trace ? TraceLevel::requests : TraceLevel::decisions,
            [columns =
                 terminal ? static_cast<std::size_t>(terminal_width()) : 0](std::string_view line) {
                process_log().verbatim(laid_out(line, {columns, false}));
            }
        );
    }
    context.tty = terminal;
    context.live = terminal && !dumb && !globals.non_interactive && !traced;
    context.colour = globals.colour == always || (globals.colour == automatic && terminal &&
                                                  !dumb && !real_environment("NO_COLOR"));
    context.out_tty = context.tty && ::isatty(STDOUT_FILENO) == 1;
    context.out_colour =
        context.colour && (globals.colour == always || ::isatty(STDOUT_FILENO) == 1);
    context.width = terminal_width();
    return context;
}

} // namespace oa_stream::cli
