#include "codex_core.hpp"

#include "oa_stream/authority/codex_facts.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"

#include "codex/health/codex_logs.hpp"
#include "codex/health/codex_storage.hpp"
#include "codex/process/child_link.hpp"
#include "codex/process/codex_catalog.hpp"
#include "codex/process/codex_models.hpp"
#include "codex/process/codex_sandbox.hpp"
#include "codex/process/stderr_origin.hpp"
#include "codex/server/socket_link.hpp"
#include "codex_requests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace oa_stream::authority {

namespace {

/// for the reason that a child prints on stderr before it exits
constexpr Millis k_last_words{500};
/// Codex loads threads one after the other. If all were requested at once, as after a restart, the
/// last ones would time out while they wait inside codex.
constexpr Turnstile::Limits k_resumes{.most = 4};

/// A turn costs codex 55 ms of CPU time, most of it at the start. With more starts than cores codex
/// delays all of them, and each would time out after the work was done. A start that waits here has
/// cost nothing and can be refused. A start that takes far longer waits for something else, for
/// example the start of an MCP server.
Turnstile::Limits starts() {
    const std::size_t cores = std::max<std::size_t>(2, std::thread::hardware_concurrency());
    return {.most = 4 * cores, .least = cores, .usual = Millis(60), .slow = Millis(500)};
}

} // namespace

CodexCore::CodexCore(const asio::any_io_executor& executor, CodexOptions options)
    : executor_(executor), options_(std::move(options)), changed_(executor), threads_(executor),
      resumes_(executor, k_resumes), starts_(executor, starts()), reads_(executor) {
}

void CodexCore::log(LogLevel level, std::string_view line) const {
    if (options_.log) {
        options_.log(level, printable(home_.redactor.apply(line), 500));
    }
}

void CodexCore::set_state(State state, std::string reason) {
    state_ = state;
    reason_ = std::move(reason);
    changed_.notify();
}

Task<Result<void>> CodexCore::open(Self self) {
    if (self->state_ != State::closed || self->closing_) {
        co_return fail(Code::usage, "this codex authority was opened before");
    }
    self->set_state(State::starting, "codex app-server is starting");
    auto ready = co_await prepare(self);
    if (ready) {
        const auto launched = co_await launch(self);
        // An unreachable server may come back; our configuration is fine.
        const bool away = !launched && self->outlives() &&
                          launched.error().code == Code::unavailable && !self->closing_;
        if (away) {
            self->set_state(State::down, launched.error().text());
        } else if (!launched) {
            ready = std::unexpected(launched.error());
        }
    }
    if (!ready) {
        self->home_ = {}; // releases its lock, so that another process may try
        self->set_state(State::closed, "not opened");
        co_return ready;
    }
    oa_stream::spawn(self->executor_, "codex supervision", supervise(self));
    oa_stream::spawn(self->executor_, "codex housekeeping", housekeep(self));
    oa_stream::spawn(self->executor_, "codex heartbeat", watch_pulse(self));
    if (!self->outlives()) { // otherwise the disk belongs to the server
        oa_stream::spawn(self->executor_, "codex storage", watch_storage(self));
    }
    oa_stream::spawn(self->executor_, "codex retention", tend_threads(self));
    co_return Result<void>{};
}

Task<Result<void>> CodexCore::prepare(Self self) {
    if (self->outlives()) {
        OA_CO_TRY(self->home_, server_home(self->options_));
        co_return Result<void>{};
    }
    OA_CO_TRY(self->home_, prepare_home(self->options_));
    co_await empty_folder(self->home_.tmp);
    std::string catalog;
    if (self->options_.profile == CodexProfile::chat && !self->options_.config_file) {
        OA_CO_TRY(
            const std::string models,
            co_await read_builtin_models(
                self->options_.program, self->home_.env, self->options_.deadlines.handshake
            )
        );
        std::vector<std::string> wanted = self->options_.more_models;
        wanted.push_back(self->options_.model);
        OA_CO_TRY(catalog, tool_free_catalog(models, std::move(wanted)));
        self->efforts_ = advertised_efforts(models, self->options_.model);
    }
    co_return write_config(self->home_, self->options_, catalog);
}

/// Starts a child or connects to the server.
Task<Result<CodexCore::Link>> CodexCore::connect(Self self) {
    const CodexOptions& options = self->options_;
    if (self->outlives()) {
        const std::string& reference = options.server.token;
        if (!reference.empty() && (self->token_.empty() || reference.starts_with("file:"))) {
            OA_CO_TRY(
                self->token_, prefixed(read_secret(reference), "the token of the Codex servers")
            );
            self->home_.redactor.add_known(self->token_);
        }
        co_return co_await SocketLink::open(
            self->executor_,
            {options.server, self->token_, options.limits.line_bytes, options.deadlines.handshake},
            self->handlers()
        );
    }
    // Checked first: a child would answer requests but not list files that it cannot write.
    OA_CO_CHECK(check_writable(self->home_.home));
    ChildOptions child;
    child.program = options.program;
    child.args = {"app-server", foreign_option("--strict-config")};
    child.env = self->home_.env;
    child.cwd = self->home_.work;
    auto spawned = ChildLink::spawn(
        self->executor_, std::move(child), options.limits.line_bytes, self->handlers()
    );
    if (!spawned) {
        spawned.error().hint = "give --codex-bin PATH, or npm install -g @openai/codex";
    }
    co_return spawned;
}

Task<Result<CodexCore::Link>> CodexCore::launch(Self self) {
    // While a server stays unreachable, keep the last attempt's reason: it is more useful.
    const bool restarts = self->outlives() && self->state_ == State::down;
    const char* const first =
        self->outlives() ? "the Codex server is being asked" : "codex app-server is starting";
    self->set_state(State::starting, restarts ? self->reason_ : first);
    OA_CO_TRY(const Link link, co_await connect(self));
    self->launching_ = link;
    auto agreed = co_await handshake(self, link);
    self->launching_.reset();
    if (agreed && (self->closing_ || link->lost())) {
        agreed = fail(Code::unavailable, "codex app-server ended");
    }
    if (agreed) {
        self->now_ready(link);
        co_return link;
    }
    Error error = std::move(agreed).error();
    if (const auto exited = link->exited(); link->lost() && exited && exited->code == 1) {
        // With --strict-config codex exits at once on a wrong setting; the reason is on stderr
        // only.
        error = Error{.code = Code::config, .message = "codex refused to start"};
    }
    error.message += self->last_words(*link);
    self->former_ = link;
    link->kill(error);
    co_return std::unexpected(std::move(error));
}

void CodexCore::now_ready(const Link& link) {
    if (!outlives()) {
        if (const auto silent = silence_logs(home_.home); !silent) {
            log(LogLevel::warn,
                fmt::format("codex's log database will grow: {}", silent.error().text()));
        }
    }
    link_ = link;
    ready_since_ = Clock::now();
    history_checked_ = false;
    const bool tested = is_tested_codex(version_);
    set_state(
        State::ready, tested ? "" : fmt::format("codex {} is untested with oa-stream", version_)
    );
    log(tested ? LogLevel::info : LogLevel::warn,
        fmt::format("codex {} is ready, {}", version_, link->peer()));
    for (const auto& thread : threads_.with_turns()) { // from an earlier connection
        oa_stream::spawn(
            executor_, "codex rejoin", rejoin(shared_from_this(), link, thread, thread->live)
        );
    }
}

Task<Result<void>> CodexCore::handshake(Self self, Link link) {
    const Millis deadline = self->options_.deadlines.handshake;
    auto hello = co_await link->rpc().call("initialize", initialize_params(), deadline);
    if (link->lost()) {
        co_await CodexLink::last_words(link, Clock::now() + k_last_words);
    }
    OA_CO_TRY(const Json greeting, settle(std::move(hello), "initialize"));
    self->version_ = version_of_user_agent(string_member(greeting, "userAgent").value_or(""));
    link->rpc().notify("initialized");
    // Starts a throwaway thread: only its result shows the settings in force.
    OA_CO_TRY(
        const Json started,
        settle(
            co_await link->rpc().call(
                "thread/start", thread_start_params(self->new_cwd(), true, ""), deadline
            ),
            "thread/start"
        )
    );
    OA_CO_TRY(const ThreadFacts facts, check_thread(started, self->home_.facts));
    OA_CO_CHECK(settle(
        co_await link->rpc().call("thread/unsubscribe", thread_params(facts.id), deadline),
        "thread/unsubscribe"
    ));
    if (self->outlives()) {
        self->home_.work = string_member(started, "cwd").value_or("");
        self->home_.cwd = self->home_.work;
    }
    const RpcOutcome models =
        co_await link->rpc().call("model/list", list_models_params(), deadline);
    if (const auto* listed = std::get_if<Json>(&models)) {
        self->models_ = listed_models(*listed);
    }
    if (needs_sandbox_check(self->options_)) {
        Json params = sandbox_check_params(self->home_, self->options_);
        OA_CO_TRY(
            const Json checked,
            prefixed(
                settle(
                    co_await link->rpc().call("command/exec", std::move(params), deadline),
                    "command/exec"
                ),
                "a command in Codex's sandbox"
            )
        );
        OA_CO_CHECK(judge_sandbox_check(checked));
    }
    co_return Result<void>{};
}

LinkHandlers CodexCore::handlers() {
    std::weak_ptr<CodexCore> weak = weak_from_this();
    return LinkHandlers{
        .notification =
            [weak](std::string_view method, const Json& message) {
                if (const auto self = weak.lock()) {
                    self->on_notification(method, message);
                }
            },
        .request =
            [weak](std::string_view method, const Json& params, const Json& id) {
                const auto self = weak.lock();
                return self ? self->on_request(method, params, id) : std::nullopt;
            },
        .nonsense =
            [weak](std::string_view what) {
                if (const auto self = weak.lock()) {
                    ++self->counts_.nonsense;
                    self->log(
                        LogLevel::warn, fmt::format("codex sent what is not a message: {}", what)
                    );
                }
            },
        .stderr_line =
            [weak](std::string_view line) {
                if (const auto self = weak.lock()) {
                    self->log(
                        LogLevel::debug, fmt::format("stderr of codex: {}", stderr_origin(line))
                    );
                    if (const auto cause = save_failure_in_stderr(line)) {
                        self->cannot_save(*cause);
                    }
                }
            },
        .lost =
            [weak](const Error& why) {
                if (const auto self = weak.lock()) {
                    self->on_lost(why);
                }
            },
    };
}

} // namespace oa_stream::authority
