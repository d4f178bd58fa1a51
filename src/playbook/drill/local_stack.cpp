#include "local_stack.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <stdlib.h>

#include <csignal>
#include <system_error>
#include <utility>

namespace oa_stream::playbook {

namespace fs = std::filesystem;

struct LocalStack::Process {
    std::string name;
    std::string revision; ///< empty: the process is not a lane
    std::unique_ptr<Child> child;
    run::RunFolder* folder = nullptr; ///< null once the stack is destroyed
    std::string last_words{}; ///< last line of its output, for errors
    bool may_end = false;
};

namespace {

using Read = Task<Result<std::string>> (Child::*)();

constexpr auto k_poll = Millis{20};
constexpr auto k_grace = Millis{3000};
constexpr std::string_view k_front = "front";
constexpr std::string_view k_socket = "front.sock";

/// Inside the run folder, so that a crash leaves nothing elsewhere; in /tmp when the socket's path
/// would be too long.
Result<fs::path> make_scratch(const fs::path& run) {
    fs::path inside = run / "stack";
    if (socket_path_fault((inside / k_socket).string()).empty()) {
        OA_CHECK(make_dirs(inside));
        return inside;
    }
    std::string pattern = "/tmp/oa-stream-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) {
        return fail(Code::io, "cannot make a scratch folder in /tmp");
    }
    return fs::path(pattern);
}

template <class ProcessPtr> void keep_line(const ProcessPtr& process, std::string_view line) {
    process->last_words = line;
    if (process->folder != nullptr) {
        process->folder->append_text("logs/" + process->name + ".log", line);
    }
}

/// Writes all output of a process to the run folder, line by line.
template <class ProcessPtr> Task<void> keep_output(ProcessPtr process, Read read) {
    std::string rest;
    while (true) {
        auto bytes = co_await ((*process->child).*read)();
        if (!bytes || bytes->empty()) {
            break;
        }
        rest += *bytes;
        for (auto end = rest.find('\n'); end != std::string::npos; end = rest.find('\n')) {
            keep_line(process, std::string_view(rest).substr(0, end));
            rest.erase(0, end + 1);
        }
    }
    if (!rest.empty()) {
        keep_line(process, rest);
    }
}

template <class ProcessPtr> Task<void> watch_end(ProcessPtr process) {
    const ChildExit exit = co_await process->child->wait();
    if (process->folder != nullptr && !process->may_end) {
        process->folder->note("process ended", {{"name", process->name}, {"how", exit.text()}});
    }
}

/// Reads {"listen":"127.0.0.1:1234",…}; empty until the file exists.
std::string listening(const fs::path& ready_file) {
    const auto text = read_file(ready_file, 64U << 10U);
    const auto json = text ? parse_json(trim(*text)) : fail(Code::not_found, "");
    return json ? text_in(*json, "listen") : std::string();
}

} // namespace

LocalStack::LocalStack(LocalStackOptions options, run::RunFolder* folder, fs::path scratch)
    : options_(std::move(options)), folder_(folder), scratch_(std::move(scratch)) {
}

LocalStack::~LocalStack() {
    for (const auto& process : processes_) {
        process->folder = nullptr;
        process->may_end = true;
        process->child->signal(SIGKILL); // reaped by its watcher, or by ~Child
    }
    remove_scratch();
}

void LocalStack::remove_scratch() {
    std::error_code ignored;
    fs::remove_all(scratch_, ignored);
}

Task<Result<std::unique_ptr<LocalStack>>>
LocalStack::start(LocalStackOptions options, run::RunFolder* folder) {
    OA_CO_TRY(fs::path scratch, make_scratch(folder->path()));
    std::unique_ptr<LocalStack> stack(new LocalStack(std::move(options), folder, std::move(scratch))
    );
    OA_CO_CHECK(co_await stack->launch_all());
    co_return stack;
}

std::string LocalStack::admin_socket() const {
    return (scratch_ / k_socket).string();
}

std::vector<std::string>
LocalStack::lane_args(const std::string& revision, const std::string& name) const {
    std::vector<std::string> args{
        "serve",
        names::listen,
        "127.0.0.1:0",
        names::authority,
        "replay",
        names::revision,
        revision,
        names::ready_file,
        (scratch_ / (name + ".ready")).string(),
        names::state_dir,
        (scratch_ / name).string(),
        names::access_log,
        (folder_->path() / "logs" / (name + ".access.ndjson")).string(),
    };
    if (!options_.replay.empty()) {
        args.insert(args.end(), {names::replay, options_.replay});
    }
    if (revision == options_.canary) {
        args.insert(args.end(), {names::inject_file, (scratch_ / "faults").string()});
    }
    const auto& shared = options_.shared.lane_args;
    args.insert(args.end(), shared.begin(), shared.end());
    return args;
}

Task<Result<void>> LocalStack::launch_all() {
    OA_CO_CHECK(co_await launch_lanes(options_.stable));
    OA_CO_CHECK(co_await launch_lanes(options_.canary));
    std::vector<std::string> args{
        "front",
        names::listen,
        "127.0.0.1:0",
        names::weights,
        fmt::format("{}=100,{}=0", options_.stable, options_.canary),
        names::admin,
        admin_socket(),
        names::ready_file,
        (scratch_ / (std::string(k_front) + ".ready")).string(),
    };
    args.insert(args.end(), front_args_.begin(), front_args_.end());
    OA_CO_TRY(const std::string front, co_await launch(std::string(k_front), std::move(args)));
    front_url_ = "http://" + front;
    folder_->note("processes listen", {{"lanes", lane_urls_}, {"front", front_url_}});
    co_return Result<void>{};
}

Task<Result<void>> LocalStack::launch_lanes(std::string revision) {
    for (std::size_t i = 1; i <= options_.shared.replicas; ++i) {
        const std::string name =
            options_.shared.replicas == 1 ? revision : fmt::format("{}-{}", revision, i);
        OA_CO_TRY(
            const std::string address, co_await launch(name, lane_args(revision, name), revision)
        );
        lane_urls_.push_back("http://" + address);
        front_args_.insert(
            front_args_.end(), {names::backend, fmt::format("{}={}", revision, lane_urls_.back())}
        );
    }
    co_return Result<void>{};
}

Task<Result<std::string>>
LocalStack::launch(std::string name, std::vector<std::string> args, std::string revision) {
    const auto executor = co_await asio::this_coro::executor;
    ChildOptions child;
    child.program = options_.program;
    child.args = std::move(args);
    child.env = inherited_env(
        {"PATH",
         "HOME",
         "TMPDIR",
         "LANG",
         "ASAN_OPTIONS",
         "UBSAN_OPTIONS",
         "TSAN_OPTIONS",
         "LLVM_PROFILE_FILE"}
    );
    child.env.insert(options_.shared.env.begin(), options_.shared.env.end());
    OA_CO_TRY(auto started, Child::start(executor, std::move(child)));
    auto process =
        std::make_shared<Process>(Process{name, std::move(revision), std::move(started), folder_});
    processes_.push_back(process);
    spawn(executor, "stack output", keep_output(process, &Child::read_stdout));
    spawn(executor, "stack output", keep_output(process, &Child::read_stderr));
    spawn(executor, "stack watch", watch_end(process));
    const auto deadline = Clock::now() + options_.ready_limit;
    while (Clock::now() < deadline && !process->child->exited()) {
        if (std::string address = listening(scratch_ / (name + ".ready")); !address.empty()) {
            co_return address;
        }
        (void)co_await sleep_for(k_poll);
    }
    (void)co_await sleep_for(k_poll); // its last output may still be in the pipe
    const auto exit = process->child->exited();
    co_return fail(
        Code::unavailable,
        fmt::format(
            "{} {}: {}",
            name,
            exit ? "ended with " + exit->text() : "did not become ready",
            printable(process->last_words)
        )
    );
}

Task<Result<void>> LocalStack::plant(Fault fault) {
    if (fault.kind == "kill") {
        for (const auto& process : processes_) {
            if (process->revision == options_.canary) {
                process->may_end = true;
                process->child->signal(SIGKILL);
                (void)co_await process->child->wait();
            }
        }
        co_return Result<void>{};
    }
    // The lane reads the file again before its next turn.
    faults_ += fmt::format("{}={}\n", fault.kind, fault.value);
    co_return write_file_atomic(scratch_ / "faults", faults_);
}

Task<void> LocalStack::stop() {
    for (const auto& process : processes_) {
        process->may_end = true;
        process->child->signal(SIGTERM);
    }
    for (const auto& process : processes_) {
        const ChildExit exit = co_await process->child->stop(k_grace);
        folder_->note("process stopped", {{"name", process->name}, {"how", exit.text()}});
    }
    remove_scratch();
}

} // namespace oa_stream::playbook
