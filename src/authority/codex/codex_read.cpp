// Reads a thread's turns and this authority's own health and metrics.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"

#include "codex_core.hpp"
#include "codex_history.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <fstream>

namespace oa_stream::authority {

namespace {

constexpr std::size_t k_most_turns = 10'000;

/// Resident memory of a process in bytes; 0 when unknown.
std::uint64_t resident_bytes(int pid) {
    std::ifstream file(fmt::format("/proc/{}/statm", pid));
    std::uint64_t size = 0;
    std::uint64_t resident = 0;
    file >> size >> resident;
    return file ? resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

} // namespace

Task<Result<std::vector<PastTurn>>> CodexCore::turns(Self self, std::string thread) {
    TurnsQuery query{.thread = std::move(thread), .limit = k_most_turns};
    OA_CO_TRY(TurnsPage page, co_await turns_page(self, std::move(query)));
    co_return std::move(page.turns);
}

Task<Result<std::vector<ThreadInfo>>> CodexCore::threads(Self self, std::vector<std::string> ids) {
    OA_CO_TRY(const Link link, co_await ready_link(self));
    std::vector<ThreadInfo> out;
    // One at a time: each takes a few tenths of a millisecond, and codex's request queue stays free
    // for turns.
    for (const std::string& id : ids) {
        RpcOutcome outcome = co_await call(
            self, link, "thread/read", Json::object({{"threadId", id}, {"includeTurns", false}})
        );
        if (const auto* refusal = std::get_if<Refusal>(&outcome);
            refusal != nullptr && error_of(*refusal, "thread/read").code == Code::not_found) {
            continue;
        }
        OA_CO_TRY(const Json result, settle(std::move(outcome), "thread/read"));
        const Json* thread = member(result, "thread");
        if (thread != nullptr && text_view_in(*thread, "name") != k_retired) {
            out.push_back(thread_info(*thread));
        }
    }
    co_return out;
}

Health CodexCore::health() const {
    const std::string& unsaved = unsaved_.empty() ? full_ : unsaved_;
    if (state_ == State::ready && !closing_ && !unsaved.empty()) {
        return {.ready = false, .reason = unsaved};
    }
    return {.ready = state_ == State::ready && !closing_, .reason = reason_};
}

Capabilities CodexCore::capabilities() const {
    std::vector<std::string> names = options_.more_models;
    names.insert(names.begin(), home_.facts.model.value_or(options_.model));
    auto models = mapped(names, [this](const std::string& name) {
        const auto* known = find_or_null(models_, name, &ModelInfo::id);
        return known == nullptr ? ModelInfo{.id = name} : *known;
    });
    return {
        .name = "codex",
        .version = version_,
        .can_revert = true,
        .can_seed = true,
        .instructions = true,
        .developer = true,
        .images = true,
        .approvals = home_.facts.approval_policy != "never",
        .client_tools = true,
        .outlives = outlives(),
        .joins = outlives(),
        .efforts = efforts_.empty() ? models.front().efforts : efforts_,
        .models = models
    };
}

std::vector<Reading> CodexCore::readings() const {
    const auto count = [](std::uint64_t value) { return static_cast<double>(value); };
    return {
        {"codex_restarts_total", "Times the codex child was started again", count(counts_.restarts)
        },
        {"codex_overloaded_total",
         "Requests codex answered with overloaded",
         count(counts_.overloaded)},
        {"codex_timeouts_total",
         "Requests and turns that went past a deadline",
         count(counts_.timeouts + (link_ ? link_->rpc().timeouts() : 0))},
        {"codex_reconciled_total",
         "Turns whose end had to be looked up in history",
         count(counts_.reconciled)},
        {"codex_declined_requests_total",
         "Questions of codex that were declined",
         count(counts_.declined)},
        {"codex_asked_approvals_total",
         "Approvals of codex that were put to a client",
         count(counts_.asked)},
        {"codex_unknown_requests_total",
         "Questions of codex that the lane cannot answer",
         count(counts_.unknown_requests)},
        {"codex_nonsense_lines_total", "Lines of codex that mean nothing", count(counts_.nonsense)},
        {"codex_text_mismatches_total",
         "Messages whose streamed text is not the beginning of the stored one",
         count(counts_.text_mismatches)},
        {"codex_stray_turns_total",
         "Turns that began after they were given up",
         count(counts_.stray_turns)},
        {"codex_upstream_retries_total",
         "Reconnections of codex to its model provider",
         count(counts_.upstream_retries)},
        {"codex_save_failures_total",
         "Times codex could not store a turn",
         count(counts_.save_failures)},
        {"codex_deleted_threads_total",
         "Threads that were deleted because they were unused",
         count(counts_.deleted)},
        {"codex_crowded_starts_total",
         "Turns that were refused because codex started others",
         count(counts_.crowded)},
        {"codex_compressed_rollouts_total",
         "Rollouts at rest that codex compressed",
         count(counts_.compressed)},
        {"codex_rejoined_total", "Turns that went on over a new connection", count(counts_.rejoined)
        },
        {"codex_foreign_input_total",
         "Turns that were ended because another client sent input to them",
         count(counts_.foreign_inputs)},
        {"codex_unjoined_total", "Turns that a lost connection ended", count(counts_.unjoined)},
        {"codex_up", "Codex children that are ready", health().ready ? 1.0 : 0.0},
        {"codex_resident_bytes",
         "Resident memory of the codex children",
         link_ ? count(resident_bytes(link_->pid())) : 0.0},
        {"codex_loaded_threads", "Threads in the children's memory", count(threads_.loaded())},
        {"codex_busy_threads", "Threads with a turn", count(threads_.busy())},
    };
}

/// Codex reuses the memory of finished turns but never returns it. Restarting it while idle delays
/// no client. A read or search holds no thread but waits for a response, so both are checked.
void CodexCore::recycle_when_large() {
    if (!link_ || threads_.busy() > 0 || link_->rpc().waiting() > 0 ||
        options_.limits.resident_bytes == 0 ||
        resident_bytes(link_->pid()) <= options_.limits.resident_bytes) {
        return;
    }
    log(LogLevel::info, "codex grew beyond its limit and is started again while idle");
    link_->kill(Error{.code = Code::unavailable, .message = "codex is started again"});
}

} // namespace oa_stream::authority
