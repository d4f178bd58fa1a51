// Reads threads from the worker.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"

#include "codex/codex_history.hpp"
#include "control/control_answers.hpp"
#include "worker_core.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream::authority {

namespace {

constexpr std::size_t k_list_limit = 200;

std::int64_t seconds_of(const Json& object, std::string_view key) {
    const auto time = parse_rfc3339(text_view_in(object, key));
    return time ? std::chrono::duration_cast<std::chrono::seconds>(time->time_since_epoch()).count()
                : 0;
}

/// The control service stores only the user's messages. A message's id becomes the turn's id; the
/// answer must have a different id than the question.
PastTurn past_message(const Json& message) {
    PastTurn past;
    past.id = text_in(message, "message_id");
    past.unknown = true;
    past.user_text = text_in(message, "text");
    past.started_at = seconds_of(message, "created_at");
    return past;
}

/// A list member of the response or of its "result".
const Json* response_list(const Json& response, std::string_view key) {
    const Json* found = member(response, key);
    if (found == nullptr) {
        found = member(object_in(response, "result"), key);
    }
    return found != nullptr && found->is_array() ? found : nullptr;
}

ThreadInfo thread_of_store(const Json& row) {
    ThreadInfo info{.id = text_in(row, "thread_id")};
    info.created_at = seconds_of(row, "created_at");
    info.updated_at = seconds_of(row, "updated_at");
    return info;
}

} // namespace

Task<Result<Json>> WorkerCore::read_thread(Self self, std::string thread) {
    WorkerCommand command{
        .method = "thread/read",
        .thread = std::move(thread),
        .request = ControlClient::new_request_id()
    };
    command.params["include_turns"] = true;
    co_return co_await ControlClient::send(self->control_, std::move(command));
}

Task<Result<std::vector<PastTurn>>> WorkerCore::turns(Self self, std::string thread) {
    OA_CO_CHECK(co_await ready(self));
    OA_CO_TRY(const Json response, co_await read_thread(self, thread));
    const auto known = self->threads_.find(thread);
    const std::string cwd = known == self->threads_.end() ? std::string() : known->second.cwd;
    const Json* turns = member(thread_in(response), "turns");
    if (turns != nullptr && turns->is_array()) {
        co_return mapped(*turns, [&](const Json& turn) { return past_turn(turn, cwd); });
    }
    std::vector<PastTurn> out;
    if (const Json* messages = response_list(response, "messages")) {
        for (const Json& message : *messages) {
            if (text_view_in(message, "role") == "user") {
                out.push_back(past_message(message));
            }
        }
    }
    co_return out;
}

Task<Result<WorkerThreads>> WorkerCore::ask_threads(Self self) {
    OA_CO_CHECK(co_await ready(self));
    WorkerCommand command{.method = "thread/list", .request = ControlClient::new_request_id()};
    command.params["limit"] = k_list_limit;
    OA_CO_TRY(
        const Json response, co_await ControlClient::send(self->control_, std::move(command))
    );
    WorkerThreads listed{.at = Clock::now()};
    const Json* rows = response_list(response, "data");
    const Json* store = response_list(response, "threads");
    if (rows != nullptr) {
        std::ranges::transform(*rows, std::back_inserter(listed.threads), thread_info);
    } else if (store != nullptr) {
        std::ranges::transform(*store, std::back_inserter(listed.threads), thread_of_store);
    }
    listed.all = (rows != nullptr || store != nullptr) && listed.threads.size() < k_list_limit &&
                 text_of_response(response, "nextCursor").empty();
    co_return listed;
}

Task<Result<void>> WorkerCore::list_threads(Self self) {
    if (const auto other = self->listing_) {
        while (!other->over) {
            co_await self->changed_.wait_until(Clock::time_point::max());
        }
        if (const auto& failed = other->failed) {
            co_return std::unexpected(*failed);
        }
        co_return Result<void>{};
    }
    const auto mine = self->listing_ = std::make_shared<WorkerListing>();
    struct Ending { // also when out of memory: no caller may wait for ever
        Self self;
        explicit Ending(Self core) : self(std::move(core)) {}
        Ending(const Ending&) = delete;
        Ending& operator=(const Ending&) = delete;
        ~Ending() {
            std::exchange(self->listing_, nullptr)->over = true;
            self->changed_.notify();
        }
    };
    const Ending ending(self);
    const auto number = ++self->listings_;
    auto listed = co_await ask_threads(self);
    if (!listed) {
        mine->failed = listed.error();
        co_return std::unexpected(std::move(listed).error());
    }
    self->listed_ = *std::move(listed);
    self->listed_.number = number;
    co_return Result<void>{};
}

/// A list of conversations requests its threads a few at a time, many pages do so at once, and each
/// command counts towards the service's limit of 60 per minute. So callers share a list request. A
/// list requested earlier may lack a new thread.
Task<Result<std::vector<ThreadInfo>>> WorkerCore::threads(Self self, std::vector<std::string> ids) {
    const auto find = [&self](const std::string& id) {
        return std::ranges::find(self->listed_.threads, id, &ThreadInfo::id);
    };
    const auto known = [&](const std::string& id) {
        return !self->listed_.all || find(id) != self->listed_.threads.end();
    };
    const auto before = self->listings_; // any request started from now on includes new threads
    const auto knows = [&] {
        const bool fresh = Clock::now() - self->listed_.at <= self->options_->deadlines.fresh;
        return self->listed_.number > before || (fresh && std::ranges::all_of(ids, known));
    };
    while (!knows()) {
        OA_CO_CHECK(co_await list_threads(self));
    }
    std::vector<ThreadInfo> out;
    for (std::string& id : ids) {
        if (const auto found = find(id); found != self->listed_.threads.end()) {
            out.push_back(*found);
        } else if (!self->listed_.all) { // not in a partial list: it may still exist
            out.push_back({.id = std::move(id)});
        }
    }
    co_return out;
}

} // namespace oa_stream::authority
