#include "load_run.hpp"

#include "oa_stream/authority/kind.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/process.hpp"
#include "oa_stream/base/url.hpp"
#include "oa_stream/net/reach_advice.hpp"
#include "oa_stream/probe/opened_threads.hpp"
#include "oa_stream/probe/prober.hpp"
#include "oa_stream/run/signal_echo.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "core/run_command.hpp"
#include "load_charts.hpp"
#include "load_counter.hpp"
#include "load_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <tuple>

namespace oa_stream::cli {
namespace {

constexpr Millis k_counter_wait{1000};
constexpr Millis k_counter_look{50};

/// How many times longer the load must run to get as many requests as its limits need; at least
/// twice. A load that was stopped after this `part` of its time may only need to run to its end.
int times_as_long(const std::vector<Check>& checks, std::optional<double> part) {
    constexpr double k_most = 1000;
    double out = part ? 0 : 2;
    for (const Check& check : checks) {
        const auto n = int_member(check.data, "n").value_or(0);
        const auto needs = int_member(check.data, "needs_n").value_or(0);
        if (n > 0) {
            out = std::max(out, static_cast<double>(needs) / static_cast<double>(n));
        }
    }
    return static_cast<int>(std::ceil(std::clamp(out * part.value_or(1), 1.0, k_most)));
}

std::optional<double> stopped_part(const LoadArgs& args, const probe::LoadTotals& totals) {
    const std::chrono::duration<double> planned = args.options.duration;
    return totals.stopped.empty() ? std::nullopt : std::optional(totals.seconds / planned.count());
}

/// The command to run when it could not be decided.
Suggestion
retry(const LoadArgs& args, const std::vector<Check>& checks, const probe::LoadTotals& totals) {
    if (totals.sent > 0) {
        return args.longer(times_as_long(checks, stopped_part(args, totals)));
    }
    Typed smoke{&smoke_stream_command};
    for (const std::string_view option : {k_base_url.name, k_auth.name, k_connect_to.name}) {
        const auto given = args.typed.args.given.find(option);
        if (given != args.typed.args.given.end()) {
            smoke.args.given.insert(*given);
        }
    }
    return smoke.suggestion();
}

/// A load under way.
class LoadRun {
public:
    LoadRun(LoadArgs args, run::RunSession session, Screen& screen, Context& context)
        : args_(std::move(args)), session_(std::move(session)), screen_(screen), context_(context) {
    }

    [[nodiscard]] Result<ExitCode> run();

private:
    [[nodiscard]] Task<bool> go(net::HttpClient* client);
    [[nodiscard]] Task<bool> first_look(net::HttpClient* client);
    [[nodiscard]] Task<probe::ProbeSample> first_answer(net::HttpClient* client);
    [[nodiscard]] Task<std::string> authority(net::HttpClient* client);
    [[nodiscard]] Task<std::optional<std::uint64_t>> counter(net::HttpClient* client);
    [[nodiscard]] Task<net::ClientResponse> get(net::HttpClient* client, std::string path);
    [[nodiscard]] Task<void> remove_opened(net::HttpClient* client);
    [[nodiscard]] std::vector<std::string> opened_threads() const;
    void tell_footprint(std::optional<Check> check);
    [[nodiscard]] bool on_signal(int number);
    void on_request(const probe::LoadRequest& request);
    void on_second(const probe::LoadSecond& second);
    [[nodiscard]] Result<ExitCode> finish(const run::Conclusion& end);

    LoadArgs args_;
    run::RunSession session_;
    Screen& screen_;
    Context& context_;
    LiveDocuments live_{context_};
    LoadOutcome outcome_{};
    LoadCharts charts_{};
    LoadCounter counter_{};
    std::unique_ptr<probe::Load> load_{};
    std::optional<Error> refused_{};
    std::string path_advice_{}; ///< for a 404 below a base URL with a path
    std::string unreached_; ///< why the target cannot be reached; empty: it can
    net::TlsTrouble tls_trouble_{}; ///< last TLS trouble of its client
    std::uint64_t listed_ = 0;
    bool stopping_ = false;
    std::vector<std::string> first_{}; ///< conversations of the first requests
    std::vector<std::uint64_t> opened_{}; ///< requests that may have opened a conversation
    run::SignalEcho echo_{};
    bool removing_ = false;
    bool hurry_ = false;
    bool footprint_reported_ = false;
};

// The first signal ends the load and keeps the measurements; before and after the load there is
// nothing to end.
bool LoadRun::on_signal(int number) {
    if (echo_.repeats(number)) {
        return true;
    }
    if (removing_) {
        return !std::exchange(hurry_, true);
    }
    if (load_ == nullptr || stopping_) {
        return false;
    }
    stopping_ = true;
    load_->stop("interrupted");
    return true;
}

void LoadRun::on_request(const probe::LoadRequest& request) {
    const int status = request.sample.status;
    if (!request.dropped && (status < 400 || status >= 500)) {
        opened_.push_back(request.index);
    }
    if (listed_ >= args_.list) {
        ++outcome_.unlisted;
        return;
    }
    ++listed_;
    session_.folder().append("measure/requests.ndjson", to_json(request));
}

void LoadRun::on_second(const probe::LoadSecond& second) {
    charts_.add(second);
    const Json line = to_json(second);
    session_.folder().append("measure/seconds.ndjson", line);
    if (args_.ndjson) {
        live_.add("load-second", line);
    }
    const auto planned = args_.options.ramp + args_.options.duration;
    screen_.progress(progress_line(second, load_->totals(), seconds(planned)));
}

Task<net::ClientResponse> LoadRun::get(net::HttpClient* client, std::string path) {
    net::ClientRequest request = probe::plain_request(args_.options.target, path);
    request.fresh_connection = true; // a pooled connection stays with one instance
    request.connect_timeout = args_.options.limits.connect;
    request.first_byte_timeout = args_.options.limits.first_byte;
    co_return co_await client->fetch(std::move(request));
}

Task<std::string> LoadRun::authority(net::HttpClient* client) {
    const net::ClientResponse answer = co_await get(client, "/version");
    if (answer.status == 0) {
        unreached_ = fmt::format(
            "{}: {}{}", to_string(answer.failure), answer.failure_text, net::reach_advice(answer)
        );
    }
    path_advice_ = answer.status == 404 ? base_path_advice(args_.options.target.base_url) : "";
    const auto json = parse_json(answer.body);
    const bool named = json && answer.status == 200;
    co_return named ? std::string(authority::authority_name(*json)) : std::string();
}

/// The target's own count of requests so far; nullopt when it has none, or an incomplete one.
Task<std::optional<std::uint64_t>> LoadRun::counter(net::HttpClient* client) {
    const std::size_t scrapes = counter_.scrapes();
    for (std::size_t i = 0; i < scrapes; ++i) {
        const net::ClientResponse answer = co_await get(client, "/metrics");
        if (answer.status != 200) {
            co_return std::nullopt;
        }
        counter_.add(answer.body);
    }
    co_return counter_.counted("/api/chat/stream");
}

Task<probe::ProbeSample> LoadRun::first_answer(net::HttpClient* client) {
    std::vector<std::string> prompts = args_.options.prompts;
    const auto* kind = authority::authority_kind(outcome_.authority);
    if (args_.default_prompt && kind != nullptr && kind->plays) {
        prompts = {"replay:01-echo", "replay:story", prompts.front()};
    }
    probe::ProbeSample sample;
    probe::Target target = args_.options.target;
    target.probe = "load"; // excluded from the requests that the load sends
    for (const std::string& prompt : prompts) {
        first_.push_back(probe::probe_thread());
        sample = co_await probe::probe_stream(
            *client, target, probe::probe_request(first_.back(), prompt), args_.options.limits
        );
        if (sample.outcome == probe::Outcome::unauthorised) {
            first_.pop_back(); // a target that refuses the token opened no conversation
        }
        if (args_.default_prompt) {
            args_.options.prompts = {prompt};
        }
        if (sample.status != 422 || !args_.default_prompt) {
            break; // a replay refuses a recording that it does not have
        }
    }
    co_return sample;
}

/// Sends one request first: a load would show nothing about a target that does not answer it.
Task<bool> LoadRun::first_look(net::HttpClient* client) {
    outcome_.authority = co_await authority(client);
    auto may = may_cost(args_, outcome_.authority);
    if (!may && !path_advice_.empty()) { // an operator who confirmed may have another lane there
        unreached_ = "GET /version is HTTP 404" + path_advice_;
    }
    if (!unreached_.empty()) { // the cost does not matter then
        session_.add("load.reach", Verdict::error, unreached_);
        co_return false;
    }
    if (!may) {
        refused_ = std::move(may).error();
        co_return false;
    }
    const probe::ProbeSample sample = co_await first_answer(client);
    const bool good = probe::is_whole(sample.outcome);
    session_.add(
        "load.reach",
        good ? Verdict::pass : Verdict::error,
        good ? "a first request was answered"
             : fmt::format("{}: {}{}", to_string(sample.outcome), sample.detail, path_advice_),
        {{"outcome", to_string(sample.outcome)}, {"request_id", sample.request_id}}
    );
    co_return good;
}

/// At the load's rate: a lane that handles those turns can handle their deletions.
Task<void> LoadRun::remove_opened(net::HttpClient* client) {
    removing_ = true;
    screen_.progress("removing the conversations");
    probe::OpenedThreads opened{{args_.options.target}, opened_threads()};
    probe::RemovePace pace;
    pace.per_s =
        std::max({pace.per_s, args_.options.per_second, outcome_.totals.achieved_per_second()});
    constexpr Millis k_hurry{5'000}; // the operator waits for the command to end
    if (stopping_) {
        pace.longest = k_hurry;
    }
    pace.stop = [this] { return hurry_; };
    const probe::Removal removal =
        co_await probe::remove_threads(*client, {std::move(opened)}, args_.options.limits, pace);
    screen_.progress("");
    tell_footprint(removed_footprint(removal));
}

std::vector<std::string> LoadRun::opened_threads() const {
    std::vector<std::string> out = first_;
    for (const std::uint64_t index : opened_) {
        out.push_back(probe::load_thread(args_.options.thread_prefix, index));
    }
    return out;
}

void LoadRun::tell_footprint(std::optional<Check> check) {
    footprint_reported_ = true;
    if (check) {
        session_.add(*std::move(check));
    }
}

Task<bool> LoadRun::go(net::HttpClient* client) {
    if (!co_await first_look(client)) {
        co_await remove_opened(client);
        co_return false;
    }
    const auto before = co_await counter(client);
    outcome_.counts = before.has_value();
    counter_.begin();
    args_.options.thread_prefix = probe::load_thread_prefix();
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
        co_await remove_opened(client);
        co_return false;
    }
    load_ = *std::move(load);
    session_.folder().note("load begins", {{"plan", outcome_.plan}});
    co_await load_->run();
    outcome_.totals = load_->totals();
    session_.folder().note("load over", {{"sent", outcome_.totals.sent}});
    // The target counts a request a moment after we have read its end.
    const auto until = Clock::now() + k_counter_wait;
    for (;;) {
        const auto after = co_await counter(client);
        outcome_.counted = after;
        if (!before || !after) {
            break;
        }
        if (*outcome_.counted >= outcome_.totals.sent || Clock::now() > until) {
            break;
        }
        std::ignore = co_await sleep_for(k_counter_look);
    }
    co_await remove_opened(client);
    co_return true;
}

Result<ExitCode> LoadRun::finish(const run::Conclusion& end) {
    const std::string text =
        load_text(args_.options.target.base_url, end.verdict, session_.checks(), outcome_);
    SmokeCommand command{
        .name = "load", .target = args_.options.target.base_url, .typed = args_.typed
    };
    // When nothing listens, a smoke would find no more.
    command.retry = unreached_.empty() ? retry(args_, session_.checks(), outcome_.totals)
                                       : args_.typed.suggestion();
    report::Report input;
    input.title = command.name + " " + command.target;
    input.facts = {{"checks", run::count_text(session_.checks())}, {"plan", outcome_.plan}};
    input.appendix = "\n```\n" + text + "```\n";
    input.next =
        next_command(command, end, session_.checks(), session_.folder().path(), tls_trouble_);
    input.series = charts_.series(outcome_.target_per_second, args_.limits);
    input.more["load"] = load_figures(outcome_);
    session_.folder().write(
        "measure/load.json",
        dump_json(titled("load-totals", probe::kept_totals(outcome_.totals))) + "\n"
    );
    run::RunResult result = session_.finish(end, std::move(input));
    if (refused_) {
        return std::unexpected(*refused_);
    }
    complete_document(result, command.target);
    live_.end();
    context_.json = context_.json || args_.ndjson;
    return tell_result(session_, result, "load", text, context_);
}

Result<ExitCode> LoadRun::run() {
    outcome_.plan = plan_text(args_.options);
    outcome_.target_per_second = args_.options.per_second;
    raise_descriptor_limit();
    std::optional<bool> ended;
    int signal = 0;
    {
        run::RunLoop loop([this](int number) { return on_signal(number); });
        const auto client = net::HttpClient::make(loop.executor());
        ended = run::unwaited(screen_, [&] { return loop.run(go(client.get())); });
        tls_trouble_ = client->tls_trouble();
        signal = ended && !stopping_ ? 0 : loop.signal(); // the load itself was complete
        if (load_ != nullptr) {
            outcome_.totals = load_->totals();
            load_.reset(); // its timers belong to the loop
            for (Check& check : load_checks(args_, outcome_)) {
                session_.add(std::move(check));
            }
        }
    }
    if (!footprint_reported_) {
        tell_footprint(interrupted_footprint(opened_threads()));
    }
    if (refused_) {
        session_.add("load.reach", Verdict::error, refused_->text());
    }
    run::EndFacts facts{.completed = ended.value_or(false), .signal = signal};
    if (refused_) {
        facts.error = refused_->code;
    }
    return finish(session_.conclude(facts));
}

} // namespace

Result<ExitCode> run_load(LoadArgs args, Context& context) {
    NewRun order{run::RunKind::load, "load"};
    order.target["base_url"] = args.options.target.base_url;
    hide_secrets(order.redactor, args.options.target);
    Screen screen(context);
    OA_TRY(auto session, begin_run(std::move(order), context, screen));
    return LoadRun(std::move(args), std::move(session), screen, context).run();
}

} // namespace oa_stream::cli
