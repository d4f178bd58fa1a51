// A turn whose text is not stored must not be reported as completed. Codex continues to answer when
// it cannot write: it buffers the text, retries at its next write and at its exit, and its history
// shows the text only after a restart. So a child that could not write is kept until there is room,
// and then restarted.
#include "codex/codex_core.hpp"
#include "codex/codex_history.hpp"
#include "codex_storage.hpp"

#include <fmt/format.h>

namespace oa_stream::authority {

namespace {

constexpr Millis k_disk_look{1'000}; ///< between two checks of the disk
constexpr Millis k_flush{5'000}; ///< for a closing child to write its buffered text
constexpr int k_history_looks = 5; ///< a second apart: the history lags behind the turn's end

} // namespace

Result<void> CodexCore::can_save() {
    if (outlives()) {
        return {}; // the disk is the server's
    }
    full_ = lacks_room(home_.home, options_.limits.least_free_bytes).value_or("");
    if (const std::string& why = unsaved_.empty() ? full_ : unsaved_; !why.empty()) {
        return fail(Code::unavailable, why);
    }
    return {};
}

Result<Json> CodexCore::saved(Result<Json> settled) {
    if (!settled && settled.error().code == Code::protocol) {
        OA_CHECK(can_save());
    }
    return settled;
}

void CodexCore::cannot_save(const std::string& cause) {
    if (outlives()) {
        ++counts_.save_failures;
        log(LogLevel::error, fmt::format("the Codex server cannot save conversations: {}", cause));
    } else if (unsaved_.empty()) {
        unsaved_ = fmt::format("codex cannot save conversations: {}", cause);
        ++counts_.save_failures;
        log(LogLevel::error, unsaved_);
    }
    const Error why{.code = Code::io, .message = "codex cannot save conversations: " + cause};
    for (const auto& live : threads_.fail_all(why)) {
        interrupt(live);
    }
}

void CodexCore::cannot_save(std::string_view thread, std::string_view why) {
    if (const auto cause = disk_cause_in(why)) {
        cannot_save(std::string(*cause));
        return;
    }
    ++counts_.save_failures;
    const Error error{
        .code = Code::io, .message = fmt::format("codex cannot save thread {}: {}", thread, why)
    };
    log(LogLevel::error, error.message);
    if (const auto found = threads_.find(thread); found && found->live) {
        found->live->fail(error);
        interrupt(found->live);
    }
}

bool CodexCore::may_write() {
    const auto writable = check_writable(home_.home);
    if (writable) {
        return true;
    }
    std::string why = "codex cannot save conversations: " + writable.error().text();
    if (why != unsaved_) {
        unsaved_ = std::move(why);
        log(LogLevel::error, unsaved_);
    }
    return false;
}

Task<void> CodexCore::watch_storage(Self self) {
    while (!self->closing_) {
        co_await idle_for(self, k_disk_look);
        if (self->closing_) {
            break;
        }
        const bool was_full = !self->full_.empty();
        const bool able = self->can_save().has_value();
        if (was_full == self->full_.empty()) {
            self->log(
                was_full ? LogLevel::info : LogLevel::error,
                was_full ? "the disk of codex's home has room again" : self->full_
            );
            self->changed_.notify();
        }
        if (able || !self->full_.empty() || !self->may_write() || !try_writing(self->home_.home)) {
            continue;
        }
        if (const Link link = self->link_) {
            self->log(LogLevel::info, "codex's home can be written: codex is started again");
            co_await CodexLink::close(link, k_flush);
        }
        self->unsaved_.clear();
        self->changed_.notify();
    }
}

/// Runs once for each child: checks that the history has the text that was sent. This also finds a
/// fault that codex reports in other words or not at all. A child that cannot write also refuses to
/// list the turns.
Task<void> CodexCore::check_history(
    Self self, Link link, std::shared_ptr<CodexThread> thread, std::string turn
) {
    for (int look = 0; look < k_history_looks; ++look) {
        if (!co_await sleep_for(look == 0 ? Millis(0) : k_disk_look) || link->lost()) {
            co_return;
        }
        RpcOutcome outcome =
            co_await call(self, link, "thread/turns/list", latest_turns_params(thread->id));
        const auto* page = std::get_if<Json>(&outcome);
        if (page != nullptr && ended_turn(*page, turn) != nullptr) {
            co_return;
        }
        const bool unclear =
            std::holds_alternative<Error>(outcome) || is_refusal(outcome, RefusalKind::overloaded);
        // Another lane that deletes the thread closes it here, one that replaces the turn begins
        // another.
        const bool gone = !thread->loaded || thread->deleted || thread->last_turn != turn;
        if (unclear || gone || thread->busy) {
            // the turn may be gone by now: check after the next turn
            self->history_checked_ = false;
            co_return;
        }
    }
    self->cannot_save("a turn that ended is not in its history");
}

} // namespace oa_stream::authority
