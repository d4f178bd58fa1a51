#include "codex_core.hpp"

#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"

#include "codex/health/codex_logs.hpp"
#include "codex/health/codex_storage.hpp"
#include "codex/process/codex_catalog.hpp"
#include "codex/process/codex_models.hpp"
#include "codex/process/codex_sandbox.hpp"
#include "codex/process/stderr_origin.hpp"
#include "codex_requests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace oa_stream::authority {

namespace {

constexpr Millis k_last_words{500}; ///< for the reason a child gives on stderr before it ends

} // namespace

CodexCore::CodexCore(const asio::any_io_executor& executor, CodexOptions options)
    : executor_(executor), options_(std::move(options)), changed_(executor), threads_(executor),
      resumed_(executor) {
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
    if (auto ready = co_await prepare_and_launch(self); !ready) {
        self->home_ = {}; // with its lock: somebody else may try
        self->set_state(State::closed, "not opened");
        co_return ready;
    }
    oa_stream::spawn(self->executor_, "codex supervision", supervise(self));
    oa_stream::spawn(self->executor_, "codex housekeeping", housekeep(self));
    oa_stream::spawn(self->executor_, "codex heartbeat", watch_pulse(self));
    oa_stream::spawn(self->executor_, "codex storage", watch_storage(self));
    oa_stream::spawn(self->executor_, "codex retention", keep_threads(self));
    co_return Result<void>{};
}

Task<Result<void>> CodexCore::prepare_and_launch(Self self) {
    OA_CO_TRY(self->home_, prepare_home(self->options_));
    std::string catalog;
    if (self->options_.profile == CodexProfile::chat && !self->options_.config_file) {
        OA_CO_TRY(
            const std::string models,
            co_await read_builtin_models(
                self->options_.program, self->home_.env, self->options_.deadlines.handshake
            )
        );
        OA_CO_TRY(catalog, tool_free_catalog(models, self->options_.model));
        self->efforts_ = advertised_efforts(models, self->options_.model);
    }
    OA_CO_CHECK(write_config(self->home_, self->options_, catalog));
    OA_CO_CHECK(co_await launch(self));
    co_return Result<void>{};
}

Task<Result<CodexCore::Link>> CodexCore::launch(Self self) {
    self->set_state(State::starting, "codex app-server is starting");
    ChildOptions child;
    child.program = self->options_.program;
    child.args = {"app-server", foreign_option("--strict-config")};
    child.env = self->home_.env;
    child.cwd = self->home_.work;
    auto spawned = CodexLink::spawn(
        self->executor_, std::move(child), self->options_.limits.line_bytes, self->handlers()
    );
    if (!spawned) {
        Error error = std::move(spawned).error();
        error.hint = "give --codex-bin PATH, or npm install -g @openai/codex";
        co_return std::unexpected(std::move(error));
    }
    const Link link = *std::move(spawned);
    self->launching_ = link;
    auto agreed = co_await handshake(self, link);
    self->launching_.reset();
    if (agreed && (self->closing_ || link->lost())) {
        agreed = fail(Code::unavailable, "codex app-server ended");
    }
    if (agreed) {
        if (const auto silent = silence_logs(self->home_.home); !silent) {
            self->log(
                LogLevel::warn,
                fmt::format("codex's log database will grow: {}", silent.error().text())
            );
        }
        self->link_ = link;
        self->ready_since_ = Clock::now();
        self->history_checked_ = false;
        const bool tested = is_tested_version(self->version_);
        self->set_state(
            State::ready,
            tested ? "" : fmt::format("codex {} is untested with oa-stream", self->version_)
        );
        self->log(
            tested ? LogLevel::info : LogLevel::warn,
            fmt::format("codex {} is ready, pid {}", self->version_, link->pid())
        );
        co_return link;
    }
    Error error = std::move(agreed).error();
    if (const auto exited = link->exited(); link->lost() && exited && exited->code == 1) {
        // --strict-config: a wrong setting ends it at once, with the reason on stderr only.
        error = Error{.code = Code::config, .message = "codex refused to start"};
    }
    error.message += self->last_words(*link);
    self->former_ = link;
    link->kill(error);
    co_return std::unexpected(std::move(error));
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
    // A thread nobody will use: what is in force shows only here.
    const std::string work = self->home_.work;
    OA_CO_TRY(
        const Json started,
        settle(
            co_await link->rpc().call(
                "thread/start", thread_start_params(work, true, ""), deadline
            ),
            "thread/start"
        )
    );
    OA_CO_TRY(const ThreadFacts facts, check_thread(started, self->home_.facts));
    OA_CO_CHECK(settle(
        co_await link->rpc().call("thread/unsubscribe", thread_params(facts.id), deadline),
        "thread/unsubscribe"
    ));
    if (needs_sandbox_check(self->options_)) {
        Json params = sandbox_check_params(self->home_, self->options_);
        OA_CO_TRY(
            const Json checked,
            settle(
                co_await link->rpc().call("command/exec", std::move(params), deadline),
                "command/exec"
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
            [weak](std::string_view line) {
                if (const auto self = weak.lock()) {
                    ++self->counts_.nonsense;
                    // It may be half a message: what it says is the conversation's.
                    self->log(
                        LogLevel::warn,
                        fmt::format("codex sent {} bytes that are no message", line.size())
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
