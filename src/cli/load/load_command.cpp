// load: how does this lane behave under so many requests?
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/probe/prober.hpp"
#include "oa_stream/run/run_folder.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "core/retry.hpp"
#include "core/run_screen.hpp"
#include "core/version.hpp"
#include "load_args.hpp"
#include "load_view.hpp"
#include "smoke/smoke_args.hpp"
#include "smoke/smoke_record.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include <sys/resource.h>

#include <array>
#include <csignal>
#include <exception>

namespace oa_stream::cli {

namespace {

constexpr Millis k_counter_wait{1000};
constexpr Millis k_counter_look{50};

/// As many descriptors as this process may have: each request in flight takes one.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

Result<run::RunFolder> open_folder(const LoadArgs& args, const Context& context) {
    Redactor redactor;
    redactor.add_known(args.options.target.bearer);
    run::RunInfo info;
    info.kind = "load";
    info.name = "load";
    info.target["base_url"] = args.options.target.base_url;
    info.versions["oa_stream"] = version();
    info.argv = context.argv;
    return run::RunFolder::create(context.state_dir, std::move(info), std::move(redactor));
}

/// What to type when it could not be decided.
std::string again(const LoadArgs& args, bool reached) {
    if (reached) {
        return args.again;
    }
    Typed smoke{&smoke_stream_command};
    for (const std::string_view option : {"--base-url", "--auth", "--connect-to"}) {
        const auto given = args.typed.args.given.find(option);
        if (given != args.typed.args.given.end()) {
            smoke.args.given.insert(*given);
        }
    }
    return smoke.with("--no-probes");
}

/// One load under way: its folder, its line on the terminal, what it came to.
class Session {
public:
    Session(LoadArgs args, run::RunFolder folder, Context& context)
        : args_(std::move(args)), folder_(std::move(folder)), context_(context) {}

    [[nodiscard]] Result<LoadOutcome> run();

private:
    [[nodiscard]] Task<void> go(net::HttpClient* client);
    [[nodiscard]] Task<bool> first_look(net::HttpClient* client);
    [[nodiscard]] Task<probe::ProbeSample> first_answer(net::HttpClient* client);
    [[nodiscard]] Task<std::string> authority(net::HttpClient* client);
    [[nodiscard]] Task<std::optional<std::uint64_t>> counter(net::HttpClient* client);
    [[nodiscard]] Task<net::ClientResponse> get(net::HttpClient* client, std::string path);
    void on_signal(asio::signal_set& signals, asio::io_context& io);
    void on_request(const probe::LoadRequest& request);
    void on_second(const probe::LoadSecond& second);
    void clear_line() { redraw("", context_); }
    [[nodiscard]] Result<void> seal();

    LoadArgs args_;
    run::RunFolder folder_;
    Context& context_;
    LoadOutcome outcome_{};
    std::unique_ptr<probe::Load> load_{};
    std::optional<Error> refused_{};
    std::string unreached_; ///< why nobody answered at all; empty: somebody did
    std::uint64_t listed_ = 0;
    int signal_ = 0;
};

// The first signal ends the load and keeps what was measured; before and after it there is nothing
// to end, and a second one leaves at once.
void Session::on_signal(asio::signal_set& signals, asio::io_context& io) {
    signals.async_wait([&](const boost::system::error_code& error, int number) {
        if (error) {
            return;
        }
        if (load_ == nullptr || signal_ != 0) {
            signal_ = number;
            io.stop();
            return;
        }
        signal_ = number;
        load_->stop("interrupted");
        on_signal(signals, io);
    });
}

void Session::on_request(const probe::LoadRequest& request) {
    if (listed_ >= args_.list) {
        ++outcome_.unlisted;
        return;
    }
    ++listed_;
    folder_.append("measure/requests.ndjson", to_json(request));
}

void Session::on_second(const probe::LoadSecond& second) {
    const Json line = to_json(second);
    folder_.append("measure/seconds.ndjson", line);
    if (args_.ndjson) {
        print_document("load-second", line, context_);
    }
    redraw(progress_line(second, load_->totals()), context_);
}

Task<net::ClientResponse> Session::get(net::HttpClient* client, std::string path) {
    net::ClientRequest request;
    request.url = args_.options.target.base_url + path;
    request.bearer = args_.options.target.bearer;
    request.connect_to = args_.options.target.connect_to;
    request.headers = args_.options.target.extra;
    request.connect_timeout = args_.options.limits.connect;
    request.first_byte_timeout = args_.options.limits.first_byte;
    co_return co_await client->fetch(std::move(request));
}

Task<std::string> Session::authority(net::HttpClient* client) {
    const net::ClientResponse answer = co_await get(client, "/version");
    if (answer.status == 0) {
        unreached_ = fmt::format("{}: {}", to_string(answer.failure), answer.failure_text);
    }
    const auto json = parse_json(answer.body);
    const Json* named = json ? member(*json, "authority") : nullptr;
    if (answer.status != 200 || named == nullptr) {
        co_return std::string();
    }
    co_return named->is_string() ? named->get<std::string>()
                                 : std::string(string_member(*named, "name").value_or(""));
}

/// Of the target's own count; nullopt when it shows none.
Task<std::optional<std::uint64_t>> Session::counter(net::HttpClient* client) {
    const net::ClientResponse answer = co_await get(client, "/metrics");
    if (answer.status != 200) {
        co_return std::nullopt;
    }
    co_return probe::requests_counted(answer.body, "/api/chat/stream");
}

Task<probe::ProbeSample> Session::first_answer(net::HttpClient* client) {
    std::vector<std::string> prompts = args_.options.prompts;
    if (args_.default_prompt && outcome_.authority == "replay") {
        prompts = {"replay:01-echo", "replay:story", prompts.front()};
    }
    probe::ProbeSample sample;
    for (const std::string& prompt : prompts) {
        probe::ProbeRequest request = probe::default_probe_request(prompt);
        sample = co_await probe::probe_stream(
            *client, args_.options.target, std::move(request), args_.options.limits
        );
        if (args_.default_prompt) {
            args_.options.prompts = {prompt};
        }
        if (sample.status != 422 || !args_.default_prompt) {
            break; // a replay refuses a recording that it does not have
        }
    }
    co_return sample;
}

/// One request before the many: a target that does not answer it learns nothing from a load.
Task<bool> Session::first_look(net::HttpClient* client) {
    outcome_.authority = co_await authority(client);
    if (!unreached_.empty()) { // whether it would cost is not the question
        outcome_.result.checks.push_back(
            {.id = "load.reach", .verdict = Verdict::error, .detail = unreached_}
        );
        co_return false;
    }
    if (auto may = may_cost(args_, outcome_.authority); !may) {
        refused_ = std::move(may).error();
        co_return false;
    }
    const probe::ProbeSample sample = co_await first_answer(client);
    using enum probe::Outcome;
    const bool good =
        sample.outcome == ok || sample.outcome == headers_missing || sample.outcome == buffered;
    Check check{.id = "load.reach", .verdict = good ? Verdict::pass : Verdict::error};
    check.detail = good ? "a first request was answered"
                        : fmt::format("{}: {}", to_string(sample.outcome), sample.detail);
    check.data["outcome"] = to_string(sample.outcome);
    check.data["request_id"] = sample.request_id;
    outcome_.result.checks.push_back(std::move(check));
    co_return good;
}

Task<void> Session::go(net::HttpClient* client) {
    if (!co_await first_look(client)) {
        co_return;
    }
    const auto before = co_await counter(client);
    auto load = probe::Load::make(
        co_await asio::this_coro::executor,
        *client,
        args_.options,
        {
            .on_request = [this](const probe::LoadRequest& request) { on_request(request); },
            .on_second = [this](const probe::LoadSecond& second) { on_second(second); },
        }
    );
    if (!load) {
        refused_ = std::move(load).error();
        co_return;
    }
    load_ = *std::move(load);
    folder_.note("load begins", {{"plan", outcome_.plan}});
    co_await load_->run();
    outcome_.totals = load_->totals();
    folder_.note("load over", {{"sent", outcome_.totals.sent}});
    // The target counts a request a moment after we have read its end.
    const auto until = Clock::now() + k_counter_wait;
    for (;;) {
        const auto after = co_await counter(client);
        if (!before || !after) {
            break;
        }
        outcome_.counted = *after >= *before ? *after - *before : *after;
        if (*outcome_.counted >= outcome_.totals.sent || Clock::now() > until) {
            break;
        }
        std::ignore = co_await sleep_for(k_counter_look);
    }
}

Result<void> Session::seal() {
    SmokeResult& result = outcome_.result;
    result.duration_s = folder_.seconds_since_start();
    conclude(result, signal_);
    for (const Check& check : result.checks) {
        folder_.note("check", {{"id", check.id}, {"verdict", to_string(check.verdict)}});
    }
    report::Report report = smoke_report(result);
    report.facts.emplace_back("plan", outcome_.plan);
    folder_.write(
        "report.md", report::report_markdown(report) + "\n```\n" + load_text(outcome_) + "```\n"
    );
    folder_.note("run ended", {{"verdict", to_string(result.verdict)}});
    Json end = smoke_outcome(result);
    end["load"] = load_figures(outcome_);
    return folder_.finish(end);
}

Result<LoadOutcome> Session::run() {
    outcome_.result = begin_result(folder_, "load", args_.options.target.base_url);
    outcome_.plan = plan_text(args_.options);
    outcome_.target_per_second = args_.options.per_second;
    raise_descriptor_limit();
    asio::io_context io(1);
    asio::signal_set signals(io, SIGINT, SIGTERM);
    on_signal(signals, io);
    const auto client = net::HttpClient::make(io.get_executor());
    asio::co_spawn(io, go(client.get()), [&](const std::exception_ptr& thrown) {
        if (thrown) {
            std::rethrow_exception(thrown);
        }
        io.stop();
    });
    io.run();
    clear_line();
    if (load_ != nullptr) {
        outcome_.totals = load_->totals();
        load_.reset(); // its timers belong to the loop, which ends before this object
        for (Check& check : load_checks(args_, outcome_)) {
            outcome_.result.checks.push_back(std::move(check));
        }
    }
    if (refused_) {
        Check check{.id = "load.reach", .verdict = Verdict::error};
        check.detail = refused_->text();
        outcome_.result.checks.push_back(std::move(check));
    }
    outcome_.result.again = again(args_, outcome_.totals.sent > 0);
    OA_CHECK(seal());
    if (refused_) {
        return std::unexpected(*refused_);
    }
    return outcome_;
}

void show_load(
    const LoadOutcome& outcome, bool ndjson, const Redactor& redactor, Context& context
) {
    const SmokeResult& result = outcome.result;
    const bool quiet = context.quiet && result.verdict == Verdict::pass;
    if (context.json || ndjson) {
        context.out(redactor.apply(dump_json(load_document(outcome))) + "\n");
    } else if (!quiet) {
        context.out(redactor.apply(load_text(outcome)));
    }
    tell_last(
        {result.verdict, result.exit, result.run, result.evidence.string(), next_command(result)},
        context
    );
}

Result<ExitCode> run(const Args& args, Context& context) {
    OA_TRY(LoadArgs parsed, parse_load(args));
    if (parsed.ndjson && context.json) {
        return fail(Code::usage, "one document or many lines?", "--ndjson", "leave --json out");
    }
    parsed.typed = {&load_command, args};
    const bool ndjson = parsed.ndjson;
    parsed.again = typed_again(
        load_command, args, {{"--duration", format_duration(2 * parsed.options.duration)}}
    );
    OA_TRY(run::RunFolder folder, open_folder(parsed, context));
    const Redactor redactor = folder.redactor();
    Session session(std::move(parsed), std::move(folder), context);
    OA_TRY(const LoadOutcome outcome, session.run());
    show_load(outcome, ndjson, redactor, context);
    return outcome.result.exit;
}

constexpr std::array k_options{
    OptionSpec{"--base-url", "URL", "The lane: http or https, without credentials."},
    OptionSpec{"--auth", "REF", "The bearer token: env:NAME, file:PATH or fd:N."},
    OptionSpec{
        "--rate", "N/s", "Requests begin so often, by the clock, whatever the answers do; or N/m."
    },
    OptionSpec{"--concurrency", "N", "Instead: so many users, each sends when its last is over."},
    OptionSpec{"--ramp", "D", "Rise evenly to the full load in this time, which is not measured."},
    OptionSpec{"--duration", "D", "Hold the full load for so long.", "30s"},
    OptionSpec{"--requests", "N", "End after so many requests at the latest."},
    OptionSpec{
        "--max-in-flight", "N", "Requests due while so many run are dropped, and told.", "10000"
    },
    OptionSpec{"--drain", "D", "Wait so long for what is in flight at the end.", "30s"},
    OptionSpec{
        "--limit", "RULE", "A gate: 'p99 first_content <= 2s', 'bad <= 1%' (the default).", "", true
    },
    OptionSpec{"--confidence", "SHARE", "One-sided, of each limit's decision.", "95%"},
    OptionSpec{"--prompt", "TEXT", "What is asked; given more than once, in turn.", "", true},
    OptionSpec{"--prompts", "FILE", "The same from a file, one a line."},
    OptionSpec{"--slow-readers", "SHARE", "So many read slowly.", "0%"},
    OptionSpec{"--read-pause", "D", "A slow reader waits so long before each piece.", "200ms"},
    OptionSpec{"--disconnect", "SHARE", "So many leave at the first content.", "0%"},
    OptionSpec{
        "--stop-at-bad",
        "SHARE",
        "Break off when so many of the last 5 s are bad; 0%: never.",
        "50%"
    },
    OptionSpec{
        "--yes-load", "HOST", "Yes: load this host, or run turns there that cost.", "", true
    },
    OptionSpec{"--ndjson", "", "Print a line for each second, then the summary as one line."},
    OptionSpec{"--list", "N", "List at most so many requests in the run folder.", "100000"},
    OptionSpec{"--seed", "N", "Which requests read slowly or leave.", "1"},
    k_target_build,
    k_target_protocol,
    k_target_schema,
    k_target_no_compat,
    k_target_connect_to,
    k_limit_connect,
    k_limit_first_byte,
    k_limit_stall,
    k_limit_total,
};

constexpr std::array<std::string_view, 4> k_examples{
    "oa-stream load --base-url http://127.0.0.1:8080 --rate 200/s --duration 30s",
    "oa-stream load --base-url http://127.0.0.1:8080 --rate 500/s --ramp 10s "
    "--limit 'p99-first_content<=2s' --limit 'bad<=1%'",
    "oa-stream load --base-url http://127.0.0.1:8080 --concurrency 200 --slow-readers 10% "
    "--disconnect 5% --json",
    "oa-stream load --base-url https://staging.example.org --auth env:AUTH_TOKEN --rate 5/s "
    "--yes-load staging.example.org",
};

} // namespace

const CommandSpec load_command{
    .path = "load",
    .summary = "Load a lane and tell how it behaves, safe from coordinated omission.",
    .positionals = {},
    .options = k_options,
    .examples = k_examples,
    .run = run,
    .leaves_run = true,
};

} // namespace oa_stream::cli
