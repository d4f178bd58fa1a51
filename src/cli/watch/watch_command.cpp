// watch: shows the lane's present state, on one screen that is redrawn, or as a line per tick.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/traffic/local_driver.hpp"

#include "core/commands.hpp"
#include "core/run_screen.hpp"
#include "core/suggestion.hpp"
#include "watch_next.hpp"
#include "watch_options.hpp"
#include "watch_render.hpp"
#include "watch_terminal.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace oa_stream::cli {

namespace {

constexpr std::size_t k_kept_events = 50;
constexpr Millis k_settle{50}; ///< how often the first look checks for answers

/// The state of one watch; lives on the stack of run().
class Watch {
public:
    Watch(WatchAsked asked, Context& context)
        : asked_(std::move(asked)), context_(context), signals_(io_, SIGINT, SIGTERM),
          resized_(io_, SIGWINCH), stopped_(io_, SIGTSTP) {
        if (!run::is_ignored(SIGHUP)) {
            signals_.add(SIGHUP);
        }
    }

    [[nodiscard]] ExitCode run();
    [[nodiscard]] std::vector<Advice> failure() const;
    [[nodiscard]] std::string_view last_state() const {
        return view_ ? to_string(view_->state) : std::string_view();
    }

private:
    void make_sources();
    void listen();
    void on_resize();
    void on_stop();
    void end(ExitCode exit);
    [[nodiscard]] Task<void> ask_for_ever(WatchedSource* source);
    [[nodiscard]] Task<void> read_split();
    [[nodiscard]] Task<void> look_for_ever();
    [[nodiscard]] bool settled() const;
    void add_numbers(WatchView& view) const;
    const WatchView& look();
    void note_events(WatchView& view);
    void show(const WatchView& view);
    [[nodiscard]] bool nobody_reads() const;
    [[nodiscard]] ExitCode verdict_exit(const WatchView& view) const;

    WatchAsked asked_;
    Context& context_;
    asio::io_context io_{1};
    asio::signal_set signals_;
    asio::signal_set resized_;
    asio::signal_set stopped_;
    std::unique_ptr<net::HttpClient> client_{};
    std::vector<std::unique_ptr<WatchedSource>> sources_{};
    std::unique_ptr<traffic::TrafficDriver> front_{};
    std::string split_{};
    std::optional<WatchTerminal> terminal_{};
    std::optional<WatchView> view_{}; ///< the last view
    std::vector<std::string> events_{};
    ExitCode exit_ = ExitCode::ok;
};

void Watch::make_sources() {
    client_ = net::HttpClient::make(io_.get_executor());
    net::TokenSource token;
    if (net::is_renewed(asked_.token.reference)) { // a watch may outlast its token
        token = net::token_source(
            io_.get_executor(), *client_, asked_.token.reference, asked_.token.first
        );
    }
    for (const probe::Target& lane : asked_.lanes) {
        sources_.push_back(watched_lane(*client_, lane, asked_.timing, token));
    }
    if (asked_.prometheus) {
        WatchedPrometheus watched = *asked_.prometheus;
        watched.prometheus.token = token;
        sources_.push_back(watched_prometheus(*client_, std::move(watched), asked_.timing));
    }
    if (!asked_.front_admin.empty()) {
        traffic::LocalDriverOptions options;
        options.admin_socket = asked_.front_admin;
        front_ = traffic::make_local_driver(*client_, std::move(options));
    }
}

void Watch::end(ExitCode exit) {
    exit_ = exit;
    terminal_.reset();
    io_.stop();
}

void Watch::listen() {
    signals_.async_wait([this](const boost::system::error_code& error, int number) {
        if (!error) {
            // The operator has seen enough; nothing is left half done.
            end(number == SIGINT ? ExitCode::ok : ExitCode::terminated);
        }
    });
    if (asked_.form == WatchForm::screen) {
        on_resize();
        on_stop();
    }
}

void Watch::on_resize() {
    resized_.async_wait([this](const boost::system::error_code& error, int) {
        if (error) {
            return;
        }
        if (view_) {
            show(*view_);
        }
        on_resize();
    });
}

void Watch::on_stop() {
    stopped_.async_wait([this](const boost::system::error_code& error, int) {
        if (error) {
            return;
        }
        terminal_->release();
        ::raise(SIGSTOP); // execution continues here when the process is resumed
        terminal_->begin();
        if (view_) {
            show(*view_);
        }
        on_stop();
    });
}

Task<void> Watch::ask_for_ever(WatchedSource* source) {
    for (;;) {
        const auto began = Clock::now();
        co_await source->ask();
        const auto used = Clock::now() - began;
        if (used < asked_.timing.every) {
            co_await sleep_for(asked_.timing.every - used);
        }
    }
}

Task<void> Watch::read_split() {
    const auto state = co_await front_->read();
    split_ = state ? state->serving.text() : "unknown: " + state.error().text();
}

// The look does not wait for a source that does not answer; it reports that. A single missed answer
// does not count.
bool Watch::settled() const {
    return std::ranges::all_of(sources_, [this](const auto& source) {
        const WatchSource state = source->state();
        const bool silent = state.age_s.value_or(INFINITY) > asked_.limits.stale_after_s;
        return source->asked >= asked_.answers ||
               (source->asked >= 2 && !state.reachable && silent);
    });
}

void Watch::note_events(WatchView& view) {
    for (const auto& source : sources_) {
        if (!source->news.empty()) {
            view.news.push_back(std::exchange(source->news, {}));
        }
    }
    if (view_) {
        std::ranges::move(events_between(*view_, view), std::back_inserter(view.news));
    }
    for (const std::string& event : view.news) {
        events_.push_back(view.at.substr(11, 8) + " " + event);
    }
    if (events_.size() > k_kept_events) {
        events_.erase(events_.begin(), events_.end() - static_cast<std::ptrdiff_t>(k_kept_events));
    }
}

/// The numbers of the sources that answer. A failed source's old numbers are shown only when no
/// source has new ones.
void Watch::add_numbers(WatchView& view) const {
    const std::string& only = asked_.revision;
    const bool any = std::ranges::any_of(view.sources, &WatchSource::reachable);
    std::vector<measure::LanePart> parts;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
        if (any && !view.sources[i].reachable) {
            continue;
        }
        std::ranges::move(sources_[i]->parts(), std::back_inserter(parts));
        if (only.empty()) { // otherwise it cannot be assigned to a revision
            add_lane(view.numbers, sources_[i]->together());
        }
    }
    if (sources_.size() > 1) {
        parts = each_once(std::move(parts));
    }
    for (const measure::LanePart& part : parts) {
        if (only.empty() || part.revision == only) {
            add_lane(view.numbers, part.numbers);
            view.parts.push_back(part_of(part));
            view.faults.insert(view.faults.end(), part.faults.begin(), part.faults.end());
        }
    }
    view.absent = view.parts.empty() && !parts.empty() ? only : "";
}

const WatchView& Watch::look() {
    WatchView view;
    view.at = rfc3339_millis(std::chrono::system_clock::now());
    view.every_s = seconds(asked_.timing.every);
    view.split = split_;
    view.sources = mapped(sources_, [](const auto& source) { return source->state(); });
    add_numbers(view);
    judge(view, asked_.limits);
    view.next = view.breach ? watch_next(asked_, view, context_) : Advice();
    note_events(view);
    view.events = events_;
    show(view);
    return view_.emplace(std::move(view));
}

void Watch::show(const WatchView& view) {
    switch (asked_.form) {
    case WatchForm::screen:
        if (terminal_) {
            terminal_->draw(watch_screen(view, terminal_->size(), context_.colour));
        }
        break;
    case WatchForm::lines:
        context_.out(watch_line(view) + "\n");
        break;
    case WatchForm::ndjson:
        context_.out(dump_json(to_json(view)) + "\n");
        break;
    case WatchForm::once:
        for (const std::string& line : watch_screen(
                 view, {static_cast<std::size_t>(context_.width) + 1, 60}, context_.colour
             )) {
            context_.out(line + "\n");
        }
        break;
    case WatchForm::document:
        break;
    }
}

ExitCode Watch::verdict_exit(const WatchView& view) const {
    const Verdict verdict = verdict_of(view);
    if (verdict == Verdict::error && std::ranges::all_of(view.sources, &WatchSource::refused)) {
        return ExitCode::credentials;
    }
    // A single look and a guard have a verdict; plain watching only fails when no source answered.
    const bool asked = asked_.one_look() || asked_.until_bad;
    return asked || verdict == Verdict::error ? exit_code(verdict) : ExitCode::ok;
}

/// A guard must still determine its exit code after its reader left; a full disk ends it, too.
bool Watch::nobody_reads() const {
    const int error = context_.out_error ? context_.out_error() : 0;
    return error != 0 && (error != EPIPE || !asked_.until_bad);
}

Task<void> Watch::look_for_ever() {
    const auto began = Clock::now();
    while (!settled()) {
        co_await sleep_for(k_settle);
    }
    for (;;) {
        if (front_) {
            co_await read_split();
        }
        const WatchView& view = look();
        const bool over = asked_.one_look() || nobody_reads() ||
                          (asked_.until_bad && view.breach) ||
                          (asked_.length && Clock::now() - began >= *asked_.length);
        if (over) {
            if (asked_.form == WatchForm::document) {
                context_.out(dump_json(watch_document(view)) + "\n");
            }
            end(verdict_exit(view));
            co_return;
        }
        co_await sleep_for(asked_.timing.every);
    }
}

ExitCode Watch::run() {
    make_sources();
    if (asked_.form == WatchForm::screen) {
        terminal_.emplace(STDOUT_FILENO);
    }
    listen();
    for (const auto& source : sources_) {
        spawn(io_.get_executor(), "watch source", ask_for_ever(source.get()));
    }
    spawn(io_.get_executor(), "watch", look_for_ever());
    io_.run();
    return exit_;
}

/// Why no source has numbers, and the next command.
std::vector<Advice> Watch::failure() const {
    const auto* found = view_ ? find_if_or_null(view_->sources, &WatchSource::answered) : nullptr;
    if (found == nullptr) {
        const std::string& url = asked_.first_url();
        const bool alone = view_ && view_->sources.size() == 1;
        const auto trouble = alone ? client_->tls_trouble() : net::TlsTrouble::none;
        return {
            trouble == net::TlsTrouble::none // otherwise host and port are right
                ? fmt::format("ERROR no source answered, check host and port of {}", url)
                : fmt::format("ERROR no source answered: {} {}", url, view_->sources[0].state),
            "next: " + unreached_next(url, trouble, context_),
        };
    }
    if (exit_ == ExitCode::credentials) {
        return {
            fmt::format("ERROR {} refuses access: {}", found->name, found->state),
            "next: " + Typed{context_.command, context_.given}.with(names::auth, "env:NAME"),
        };
    }
    return {
        fmt::format(
            "ERROR {} answers, but not with a lane's numbers: {}", found->name, found->state
        ),
        "next: " + unreadable_next(found->name, asked_, context_),
    };
}

Result<ExitCode> run(const WatchOptions& options, Context& context) {
    OA_TRY(WatchAsked asked, complete_watch(options, context));
    Watch watch(std::move(asked), context);
    const ExitCode exit = watch.run();
    if (exit == ExitCode::not_executed || exit == ExitCode::credentials) {
        tell_parts(watch.failure(), context);
    }
    if (exit == ExitCode::inconclusive) {
        tell_text(
            watch.last_state() == to_string(WatchState::quiet)
                ? "INCONCLUSIVE no traffic in the window, so nothing was judged\n"
                : fmt::format(
                      "INCONCLUSIVE the last look was {}, so nothing was judged\n",
                      watch.last_state()
                  ),
            context
        );
    }
    return exit;
}

} // namespace

const CommandSpec watch_command = command<run>({
    .path = "watch",
    .summary =
        "Show the state of the lane, live: rates, latencies, endings, budget, age of the data.",
    .options = k_watch_options,
    .examples =
        {
            "oa-stream watch --base-url http://127.0.0.1:8080",
            "oa-stream watch --base-url http://10.0.0.1:8080 --base-url http://10.0.0.2:8080"
            " --ndjson",
            "oa-stream watch --prometheus http://127.0.0.1:9090",
            "oa-stream watch --base-url http://127.0.0.1:8080 --for 10m --until bad",
        },
    .about =
        R"(Shows the state of the lane on one screen that redraws itself: verdict first, then requests, latencies,
endings, budget, split and events. It reads `/metrics` and `/readyz` of each lane, or a Prometheus; it
changes nothing and starts no turn. A missing number is shown as missing, never as 0.

`--once`, `--for` and `--until bad` make it a check for scripts.)",
    .also = "top monitor metrics live",
    .exits = k_watch_exits,
});

} // namespace oa_stream::cli
