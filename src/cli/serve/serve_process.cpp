#include "serve_process.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/output.hpp"
#include "oa_stream/base/process.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/lane/access_log.hpp"
#include "oa_stream/lane/auth.hpp"
#include "oa_stream/lane/id_map.hpp"
#include "oa_stream/lane/lane.hpp"
#include "oa_stream/lane/metrics.hpp"
#include "oa_stream/run/signal_echo.hpp"

#include "file_watch.hpp"
#include "serve_files.hpp"
#include "serve_store.hpp"
#include "serve_workspace.hpp"
#include "service_manager.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <new>
#include <utility>

namespace oa_stream::cli {

namespace {

constexpr Millis k_map_delay{100};
constexpr Millis k_token_look{1000}; ///< a changed token file is read after two checks

ExitCode ended_by(int signal) {
    return signal == SIGINT ? ExitCode::interrupted : ExitCode::terminated;
}

class ServeProcess {
public:
    ServeProcess(ServeOptions options, Context& context)
        : options_(std::move(options)), context_(&context), ready_file_(options_.ready_file),
          tokens_watch_(options_.tokens), signals_(io_, SIGTERM, SIGINT, SIGHUP),
          metrics_(
              {options_.lane.revision,
               options_.lane.version,
               random_hex(8),
               unix_seconds(std::chrono::system_clock::now())}
          ),
          access_(options_.lane.log_format) {}

    Result<ExitCode> run() {
        raise_descriptor_limit();
        never_wait_for_stderr();
        spawn(io_.get_executor(), "serve", life());
        serve_on();
        return result_;
    }

private:
    /// Lack of memory ends the present work, not the other clients' turns.
    void serve_on() {
        while (!io_.stopped()) {
            try {
                io_.run();
            } catch (const std::bad_alloc&) {
                log_->verbatim("out of memory: one step was given up\n");
            }
        }
    }

    Task<void> life() {
        spawn(io_.get_executor(), "signals", obey_signals());
        if (auto started = co_await start(); !started) {
            result_ = std::unexpected(std::move(started).error());
            if (authority_) {
                co_await authority_->close(Millis(1000));
            }
            io_.stop();
            co_return;
        }
        ready_ = true;
        if (reload_wanted_) {
            reload();
        }
        if (!options_.tokens.empty()) {
            spawn(io_.get_executor(), "tokens", watch_tokens());
        }
    }

    Task<Result<void>> start() {
        OA_CO_TRY(auto tokens, read_tokens(options_, *context_));
        OA_CO_CHECK(check_owners(options_, tokens));
        OA_CO_CHECK(options_.listeners.check_certificate());
        OA_CO_CHECK(read_policy(options_));
        OA_CO_CHECK(read_lane_file(options_, ReadAt::start));
        OA_CO_CHECK(load_log_level(ReadAt::start));
        OA_CO_CHECK(open_access_log());
        OA_CO_CHECK(make_authority());
        OA_CO_CHECK(co_await authority_->open());
        OA_CO_CHECK(check_approvals(options_, authority_->capabilities()));
        OA_CO_TRY(
            ids_,
            lane::IdMap::open(
                io_.get_executor(),
                {.path = options_.id_map.value_or(""),
                 .delay = k_map_delay,
                 .problem = [this](const Error& error
                            ) { log_->note(LogLevel::error, "id_map", error.text()); },
                 .note = [this](std::string_view what
                         ) { log_->note(LogLevel::warn, "id_map", what); }}
            )
        );
        if (!options_.store.url.empty()) {
            options_.store.has_rows = ids_->size() > 0;
            store_ = store::make_redis_store(io_.get_executor(), options_.store);
            OA_CO_CHECK(co_await store_->open());
        }
        make_lane(std::move(tokens));
        fit_connections();
        OA_CO_TRY(
            server_,
            Listeners::open(
                io_.get_executor(), options_.listeners, lane_->handler(), lane_->error_page()
            )
        );
        co_return tell_ready();
    }

    /// Fewer connections than requested are better than a lane that cannot open its own files.
    void fit_connections() {
        auto& most = options_.listeners.limits.connections;
        const auto& owners = options_.authority.codex_owners;
        const auto shared = options_.kind->spawns ? options_.authority.codex_children : 0;
        const auto children = owners.work_template.empty() ? shared : owners.most;
        const auto listeners = options_.listeners.endpoints.size(); // each uses as many
        const auto fitting = fitting_connections(most * listeners, children);
        if (fitting < most * listeners) {
            const auto text =
                fmt::format("the descriptor limit leaves room for {} connections", fitting);
            log_->note(LogLevel::warn, "connections", text);
            most = std::max<std::size_t>(fitting / listeners, 1);
        }
    }

    Result<void> make_authority() {
        options_.authority.codex.log = [this](LogLevel level, std::string_view line) {
            log_->note(level, "codex", line);
        };
        options_.authority.codex.forgotten = [this](std::vector<std::string> threads) {
            return lane_ ? lane_->forget(std::move(threads)) : void();
        };
        options_.authority.worker.log = [this](LogLevel level, std::string_view line) {
            log_->note(level, "worker", line);
        };
        OA_TRY(authority_, options_.kind->make(io_.get_executor(), options_.authority));
        return {};
    }

    void make_lane(std::optional<lane::TokenTable> tokens) {
        lane::LaneParts parts;
        parts.authority = authority_.get();
        parts.ids = ids_.get();
        parts.store = store_.get();
        parts.access_log = [this](std::string_view line) { write_access(line); };
        parts.log = log_;
        parts.observer = &metrics_;
        parts.metrics = [this](bool ready) {
            auto readings = authority_->readings();
            if (store_) {
                std::ranges::move(store_readings(*store_), std::back_inserter(readings));
            }
            return metrics_.text(readings, ready);
        };
        lane_ = std::make_unique<lane::Lane>(io_.get_executor(), options_.lane, std::move(parts));
        if (!tokens) {
            log_->verbatim("no tokens configured: every process of this machine may use this lane, "
                           "nobody else\n");
        }
        admit(std::move(tokens), "tokens");
    }

    /// A file that is being rewritten is briefly empty; after a broken tool it stays empty.
    void admit(std::optional<lane::TokenTable> tokens, std::string_view event) {
        if (tokens && tokens->size() == 0) {
            const auto text = fmt::format(
                "{} has no token: every request is refused with 401", options_.tokens.string()
            );
            log_->note(LogLevel::warn, event, text);
        }
        lane_->set_tokens(std::move(tokens));
    }

    Result<void> open_access_log() {
        return options_.access_log.empty() ? Result<void>{} : access_.open(options_.access_log);
    }

    void write_access(std::string_view line) {
        if (auto written = access_.append(line); !written && access_.is_open()) {
            log_->note(LogLevel::error, "access_log", written.error().text());
        }
    }

    /// The level of --log-level, or that of the file if there is one.
    Result<void> load_log_level(ReadAt when) {
        log_->set_level(options_.log_level);
        OA_CHECK(read_log_level_file(options_, when));
        log_->set_level(options_.log_level);
        return {};
    }

    [[nodiscard]] Result<void> tell_ready() const {
        const auto urls = server_->urls();
        OA_CHECK(ready_file_.write(
            "serve-ready",
            {{"url", urls.front()},
             {"listen", server_->endpoint().text()},
             {"urls", urls},
             {"revision", options_.lane.revision}}
        ));
        server_->tell_certificate(*log_);
        log_->verbatim(fmt::format("listening on {}\n", fmt::join(urls, ", ")));
        tell_manager(fmt::format("READY=1\nSTATUS=Listening on {}", fmt::join(urls, ", ")));
        return {};
    }

    void tell_manager(std::string_view state) const {
        tell_service_manager(context_->env("NOTIFY_SOCKET").value_or(""), state);
    }

    Task<void> obey_signals() {
        bool draining = false;
        run::SignalEcho echo;
        while (true) {
            const auto [error, number] =
                co_await signals_.async_wait(asio::as_tuple(asio::use_awaitable));
            if (error) {
                co_return;
            }
            if (!ready_) {
                obey_early(number);
            } else if (number == SIGHUP) {
                reload();
            } else if (echo.repeats(number)) {
                continue;
            } else if (!draining) {
                draining = true;
                spawn(io_.get_executor(), "drain", drain());
            } else {
                // Our children die with us; nothing else is worth waiting for.
                log_->verbatim("ended by a second signal\n");
                server_->stop_accepting(); // removes a unix socket's file
                ready_file_.remove();
                authority_.reset();
                std::_Exit(static_cast<int>(ended_by(number)));
            }
        }
    }

    /// No client is served yet, so there is nothing to drain: what start() waits for is dropped
    /// with the loop, and children die with it.
    void obey_early(int number) {
        if (number == SIGHUP) {
            reload_wanted_ = true;
            return;
        }
        log_->verbatim("ended by a signal while it started\n");
        if (result_) { // otherwise the start has failed, and its error is printed
            result_ = ended_by(number);
        }
        io_.stop();
    }

    [[nodiscard]] Millis time_left(Clock::time_point began) const {
        const auto spent = std::chrono::duration_cast<Millis>(Clock::now() - began);
        return std::max(Millis(0), options_.drain_timeout - spent);
    }

    Task<void> drain() {
        const auto began = Clock::now();
        log_->verbatim(fmt::format(
            "draining {}, at most {}; a second signal ends at once\n",
            counted(lane_->busy(), "turn"),
            format_duration(options_.drain_timeout)
        ));
        const std::string status = "Draining " + counted(lane_->busy(), "turn");
        tell_manager(stopping_state(status, options_.drain_timeout));
        lane_->begin_drain();
        co_await sleep_for(options_.drain_notice); // so that balancers find the other lanes first
        server_->stop_accepting();
        ready_file_.remove();
        const auto left = co_await lane_->drain(time_left(began));
        if (left > 0) {
            log_->note(LogLevel::warn, "drain", "the drain timeout ended " + counted(left, "turn"));
        }
        co_await server_->finish_answers(time_left(began)); // also of other requests
        lane_->close();
        server_->close();
        co_await authority_->close(std::max(Millis(500), time_left(began)));
        co_await lane_->settle();
        if (store_) {
            co_await store_->close();
        }
        if (auto flushed = ids_->flush(); !flushed) {
            log_->note(LogLevel::error, "id_map", flushed.error().text());
        }
        io_.stop();
    }

    /// A revoked token must not depend on a SIGHUP: a file that could not be read is read again at
    /// each check, and each reason is logged once.
    Task<void> watch_tokens() {
        std::string reported;
        while (true) {
            co_await sleep_for(k_token_look);
            if (!tokens_watch_.changed()) {
                continue;
            }
            if (const auto taken = take_tokens("tokens"); taken) {
                log_->note(LogLevel::info, "tokens", "read again");
                reported.clear();
            } else {
                tokens_watch_.forget();
                if (const auto why = taken.error().text(); std::exchange(reported, why) != why) {
                    (void)done(taken, "tokens");
                }
            }
        }
    }

    Result<void> take_tokens(std::string_view event) {
        OA_TRY(auto tokens, read_tokens(options_, *context_));
        OA_CHECK(check_owners(options_, tokens));
        admit(std::move(tokens), event);
        return {};
    }

    /// Logs the error, if there is one.
    [[nodiscard]] bool done(const auto& result, std::string_view event) const {
        if (!result) {
            log_->note(LogLevel::error, event, result.error().text());
        }
        return result.has_value();
    }

    /// A file that is unreadable or invalid changes nothing; the other files are still applied.
    void reload() {
        constexpr std::string_view k_reload = "reload";
        (void)done(take_tokens(k_reload), k_reload);
        if (done(server_->reload(), k_reload)) {
            server_->tell_certificate(*log_);
        }
        (void)done(read_policy(options_), k_reload);
        (void)done(read_lane_file(options_, ReadAt::reload), k_reload);
        (void)done(load_log_level(ReadAt::reload), k_reload);
        (void)done(open_access_log(), k_reload);
        lane_->set_window(options_.lane.window);
        lane_->set_mode(options_.lane.mode);
        log_->note(LogLevel::info, k_reload, fmt::format("lane {}", to_string(lane_->mode())));
    }

    ServeOptions options_;
    Context* context_;
    Log* log_ = &process_log();
    ReadyFile ready_file_;
    FileWatch tokens_watch_;
    asio::io_context io_{1};
    asio::signal_set signals_;
    lane::Metrics metrics_;
    lane::AccessFile access_;
    std::unique_ptr<authority::Authority> authority_;
    std::unique_ptr<store::Store> store_; ///< null: this lane is alone
    std::unique_ptr<lane::IdMap> ids_;
    std::unique_ptr<lane::Lane> lane_;
    std::unique_ptr<Listeners> server_;
    Result<ExitCode> result_ = ExitCode::ok;
    bool ready_ = false; ///< start() has succeeded
    bool reload_wanted_ = false; ///< requested before that
};

} // namespace

Result<ExitCode> serve(ServeOptions options, Context& context) {
    return ServeProcess(std::move(options), context).run();
}

} // namespace oa_stream::cli
