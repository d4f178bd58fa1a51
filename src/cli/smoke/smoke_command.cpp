// smoke stream: does this lane keep its contract, right now, over the wire?
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/probe/smoke.hpp"
#include "oa_stream/run/run_folder.hpp"

#include "core/commands.hpp"
#include "core/run_screen.hpp"
#include "core/version.hpp"
#include "smoke_args.hpp"
#include "smoke_record.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <exception>

namespace oa_stream::cli {

namespace {

constexpr std::uint64_t k_most_parallel = 64;

Result<probe::SmokeOptions> parse(const Args& args) {
    probe::SmokeOptions options;
    OA_TRY(
        options.target,
        parse_target(args, "lane", "oa-stream smoke stream --base-url http://127.0.0.1:8080")
    );
    OA_TRY(options.limits, parse_limits(args));
    options.prompt = args.get("--prompt").value_or("");
    options.expect = args.get("--expect").value_or("");
    options.probes = !args.has("--no-probes");
    options.abort = args.has("--abort");
    options.tool_prompt = args.get("--tool-prompt").value_or("");
    if (args.has("--detach-grace")) {
        OA_TRY(options.detach_grace, positive_duration(args, "--detach-grace"));
    }
    options.id_prefix = args.get("--id-prefix").value_or("stream");
    auto parallel = parse_count(args.get("--concurrency").value_or("1"), 1, k_most_parallel);
    if (!parallel) {
        return std::unexpected(std::move(parallel).error().prefixed("--concurrency"));
    }
    options.concurrency = static_cast<unsigned>(*parallel);
    if (const auto origin = args.get("--also-direct")) {
        options.direct = options.target;
        options.direct->connect_to.clear();
        OA_TRY(options.direct->base_url, parse_base_url(*origin, "--also-direct"));
    }
    return options;
}

Result<run::RunFolder> open_folder(const probe::SmokeOptions& options, const Context& context) {
    Redactor redactor;
    redactor.add_known(options.target.bearer);
    run::RunInfo info;
    info.kind = "smoke-stream";
    info.name = "smoke stream";
    info.target["base_url"] = options.target.base_url;
    info.versions["oa_stream"] = version();
    info.argv = context.argv;
    return run::RunFolder::create(context.state_dir, std::move(info), std::move(redactor));
}

/// One smoke under way: its folder, its checks so far, its line on the terminal.
class Session {
public:
    Session(run::RunFolder folder, Context& context)
        : folder_(std::move(folder)), context_(context) {}

    [[nodiscard]] Result<SmokeResult> run(probe::SmokeOptions options, Typed typed);

private:
    [[nodiscard]] std::vector<std::string>
    keep(const std::string& stem, const probe::ProbeSample& sample);
    void on_check(const Check& check);
    void probe(probe::SmokeOptions options);
    void add_footprint(const std::string& prefix);
    void clear_line() { redraw("", context_); }

    run::RunFolder folder_;
    Context& context_;
    std::vector<Check> checks_;
    std::vector<std::string> asked_; ///< threads on which a turn may have begun
    int signal_ = 0;
    bool over_ = false;
};

std::vector<std::string> Session::keep(const std::string& stem, const probe::ProbeSample& sample) {
    std::vector<std::string> paths;
    for (const auto& [suffix, bytes] : probe::stream_files(sample)) {
        paths.push_back(fmt::format("streams/{}{}", stem, suffix));
        folder_.write(paths.back(), bytes);
    }
    folder_.note("stream kept", {{"stream", stem}, {"outcome", to_string(sample.outcome)}});
    return paths;
}

void Session::on_check(const Check& check) {
    folder_.note(
        "check", {{"id", check.id}, {"verdict", to_string(check.verdict)}, {"detail", check.detail}}
    );
    checks_.push_back(check);
    redraw(
        fmt::format(
            "{} of {}  {}  {}",
            checks_.size(),
            probe::smoke_rules().size(),
            to_string(check.verdict),
            check.id
        ),
        context_
    );
}

// A signal ends the probing at once: nothing here has to be undone, and what was found is kept.
void Session::probe(probe::SmokeOptions options) {
    asio::io_context io(1);
    asio::signal_set signals(io, SIGINT, SIGTERM);
    signals.async_wait([&](const boost::system::error_code& error, int number) {
        if (!error) {
            signal_ = number;
            io.stop();
        }
    });
    const auto client = net::HttpClient::make(io.get_executor());
    asio::co_spawn(
        io,
        probe::smoke_stream(*client, std::move(options)),
        [&](const std::exception_ptr& thrown, std::vector<Check> checks) {
            if (thrown) {
                std::rethrow_exception(thrown);
            }
            checks_ = std::move(checks);
            over_ = true;
            io.stop();
        }
    );
    io.run();
}

// A run that was cut short tells at least what it may have left behind.
void Session::add_footprint(const std::string& prefix) {
    Check check;
    check.id = prefix + ".footprint";
    check.verdict = Verdict::skipped;
    check.mode = CheckMode::skipped;
    check.required = false;
    check.detail = fmt::format("interrupted; turns were asked for on {}", fmt::join(asked_, ", "));
    check.data["threads"] = asked_;
    checks_.push_back(std::move(check));
}

Result<SmokeResult> Session::run(probe::SmokeOptions options, Typed typed) {
    auto result = begin_result(folder_, "smoke stream", options.target.base_url);
    result.typed = std::move(typed);
    options.keep = [this](const std::string& stem, const probe::ProbeSample& sample) {
        return keep(stem, sample);
    };
    options.on_check = [this](const Check& check) { on_check(check); };
    options.on_turn = [this](const std::string& thread) {
        folder_.note("turn asked for", {{"thread", thread}});
        if (std::ranges::find(asked_, thread) == asked_.end()) {
            asked_.push_back(thread);
        }
    };
    const std::string prefix = options.id_prefix;
    probe(std::move(options));
    clear_line();
    if (!over_ && !asked_.empty()) {
        add_footprint(prefix);
    }
    result.checks = std::move(checks_);
    OA_CHECK(seal(result, folder_, over_ ? 0 : signal_));
    return result;
}

Result<ExitCode> run(const Args& args, Context& context) {
    OA_TRY(probe::SmokeOptions options, parse(args));
    OA_TRY(run::RunFolder folder, open_folder(options, context));
    const Redactor redactor = folder.redactor();
    Session session(std::move(folder), context);
    OA_TRY(
        const SmokeResult result, session.run(std::move(options), {&smoke_stream_command, args})
    );
    show(result, redactor, context);
    return result.exit;
}

constexpr std::array k_options{
    OptionSpec{"--base-url", "URL", "The lane: http or https, without credentials."},
    OptionSpec{"--auth", "REF", "The bearer token: env:NAME, file:PATH or fd:N."},
    k_target_build,
    k_target_protocol,
    k_target_schema,
    OptionSpec{"--no-compat", "", "Send no compatibility headers and judge no window."},
    k_target_connect_to,
    OptionSpec{
        "--prompt", "TEXT", "Prompt of the happy path, instead of one that suits the target."
    },
    OptionSpec{"--expect", "TEXT", "Text that its answer must contain."},
    OptionSpec{"--no-probes", "", "Send GETs alone; the rest is skipped, so it is never PASS."},
    OptionSpec{
        "--abort", "", "Disconnect, resume and stop turns on a target that is no replay too."
    },
    OptionSpec{"--tool-prompt", "TEXT", "What makes a target that is no replay call a tool."},
    OptionSpec{"--detach-grace", "D", "The lane's own; then a left turn must end within 2 s more."},
    OptionSpec{"--concurrency", "N", "So many parallel turns besides, 64 at most.", "1"},
    OptionSpec{"--also-direct", "URL", "The origin behind the lane: tells where bytes are held."},
    k_limit_connect,
    k_limit_first_byte,
    k_limit_stall,
    k_limit_total,
    OptionSpec{"--id-prefix", "WORD", "What check ids begin with.", "stream"},
};

constexpr std::array<std::string_view, 3> k_examples{
    "oa-stream smoke stream --base-url http://127.0.0.1:8080",
    "oa-stream smoke stream --base-url https://chat.example.org --auth env:AUTH_TOKEN --json",
    "oa-stream smoke stream --base-url https://chat.example.org --auth file:token --no-probes",
};

} // namespace

const CommandSpec smoke_stream_command{
    .path = "smoke stream",
    .summary = "Verify that a live lane keeps the stream contract.",
    .positionals = {},
    .options = k_options,
    .examples = k_examples,
    .run = run,
    .leaves_run = true,
};

} // namespace oa_stream::cli
