#include "running_turn.hpp"

#include "oa_stream/base/json_members.hpp"

#include "codex/events/token_usage.hpp"

#include <utility>

namespace oa_stream::authority {

namespace {

constexpr std::size_t k_early_limit = 10'000;

} // namespace

RunningTurn::RunningTurn(
    const asio::any_io_executor& executor,
    const CodexOptions& options,
    std::string thread,
    std::string model,
    ApprovalPlace place,
    std::optional<turn::Usage> baseline
)
    : TurnFeed(executor, options.limits.queue_bytes), thread_(std::move(thread)),
      model_(std::move(model)), translator_(thread_), baseline_known_(baseline.has_value()),
      cwd_(place.work.string()), approvals_(std::move(place)),
      baseline_(baseline.value_or(turn::Usage{})) {
    same_clock = options.server.url.empty(); // a server may run in another time zone
}

void RunningTurn::bind(std::string id) {
    id_ = std::move(id);
    translator_ = CodexTranslator(thread_, id_, baseline_, cwd_);
    const auto early = std::exchange(early_, {});
    for (std::size_t at = 0; at < early.size(); ++at) { // a call may end after its question
        ask_early(at);
        deliver(string_member(early[at], "method").value_or(""), early[at]);
    }
    ask_early(early.size());
    call_early();
}

void RunningTurn::deliver(std::string_view method, const Json& message) {
    if (ended_) {
        return;
    }
    if (id_.empty() || adrift_since_) {
        if (early_.size() < k_early_limit) {
            early_.push_back(message);
        } else {
            fail(Error{.code = Code::unavailable, .message = "too much arrived at once"});
        }
        return;
    }
    if (recorder_) {
        recorder_->write("s2c", message);
    }
    if (method == "thread/status/changed") {
        on_status(message);
        return;
    }
    last_event_ = Clock::now();
    apply(method, message);
}

/// idle, systemError and notLoaded all mean that no turn runs; turn/completed follows within ms.
void RunningTurn::on_status(const Json& message) {
    const Json* status = member(object_in(message, "params"), "status");
    if (status == nullptr || !started_) {
        return;
    }
    if (string_member(*status, "type") == "active") {
        idle_since_.reset();
    } else if (!idle_since_) {
        idle_since_ = Clock::now();
    }
}

/// After a resume or a revert only codex has the thread's total; the first report of this turn
/// gives it: total − last. The translator accepts a report of "an earlier turn" as its baseline.
void RunningTurn::learn_baseline(const Json& message) {
    const Json& params = object_in(message, "params");
    if (member(params, "tokenUsage") == nullptr || string_member(params, "turnId") != id_) {
        return;
    }
    baseline_known_ = true;
    turn::Usage before = read_usage(params).value_or(turn::Usage{});
    before -= read_usage(params, "last").value_or(turn::Usage{});
    EventBatch none;
    translator_.notification(usage_report(thread_, "", before), none);
}

void RunningTurn::watch_item(std::string_view method, const Json& message) {
    const bool done = method == "item/completed";
    const Json* params = done || method == "item/started" ? member(message, "params") : nullptr;
    const Json* item = params == nullptr ? nullptr : member(*params, "item");
    if (item == nullptr) {
        return;
    }
    approvals_.watch_item(*item, done);
    if (!done || string_member(*item, "type") != "userMessage") {
        return;
    }
    unasked = false;
    if (string_member(*params, "turnId") == id_) {
        check_question(*item);
    }
    changed_.notify();
}

void RunningTurn::translate(std::string_view method, const Json& message) {
    if (method == "thread/tokenUsage/updated") {
        reported_ = true;
        if (!baseline_known_) {
            learn_baseline(message);
        }
    }
    watch_item(method, message);
    if (loses_results(method, message)) {
        give_up(Json::object({{"codexErrorInfo", "contextWindowExceeded"}}));
    }
    translated_.clear();
    translator_.notification(message, translated_);
    if (calls_.enabled()) {
        watch_calls(method, message, translated_);
    }
    approvals_.watch(translated_);
    for (turn::Event& event : translated_) {
        if (auto* first = std::get_if<turn::TurnStarted>(&event)) {
            started_ = true;
            first->model = first->model.empty() ? model_ : first->model;
        }
        if (const auto* known = std::get_if<turn::UsageKnown>(&event)) {
            spent_ = known->usage;
        }
    }
    if (translator_.ended()) {
        ended_ = true;
        if (reported_) {
            total_ = translator_.total_usage();
        } else if (baseline_known_ && !torn_) {
            total_ = baseline_; // a turn that failed early adds nothing
        }
    }
    if (!translated_.empty()) {
        queue(std::move(translated_));
    }
    tell_calls();
}

void RunningTurn::say_when_again(turn::TurnEnded& ended) const {
    constexpr std::int64_t k_longest = std::int64_t{31} * 86'400;
    if (!ended.failure || ended.failure->retry_after ||
        ended.failure->cause != turn::FailureCause::usage_limit) {
        return;
    }
    const std::int64_t now{::time(nullptr)};
    auto seconds = limit_ends.value_or(now) - now;
    if (seconds <= 0 && same_clock) { // codex's end of the limit is exact to the second
        seconds = seconds_until(ended.failure->again_at, now).value_or(0);
    }
    if (seconds > 0 && seconds <= k_longest) {
        ended.failure->retry_after = static_cast<int>(seconds);
    }
}

void RunningTurn::queue(EventBatch&& events) {
    for (turn::Event& event : events) {
        if (auto* ended = std::get_if<turn::TurnEnded>(&event)) {
            say_when_again(*ended);
            withheld = ended->withheld;
        }
    }
    if (!handed_over_) {
        TurnFeed::queue(std::move(events));
    }
}

void RunningTurn::ask(ApprovalQuestion question, const Json& request) {
    if (id_.empty()) {
        early_questions_.push_back({std::move(question), request, early_.size()});
        return;
    }
    if (torn_ && !question.item.empty() && !approvals_.knows_call(question)) {
        open_asked(question);
    }
    EventBatch events;
    approvals_.ask(std::move(question), request, id_, events);
    queue(std::move(events));
}

void RunningTurn::ask_early(std::size_t behind) {
    while (!early_questions_.empty() && early_questions_.front().behind <= behind) {
        EarlyQuestion next = std::move(early_questions_.front());
        early_questions_.erase(early_questions_.begin());
        ask(std::move(next.question), next.request);
    }
}

Result<CodexApprovals::Reply> RunningTurn::answer_approval(std::string_view id, bool approved) {
    if (over()) {
        return oa_stream::fail(Code::not_found, "the turn is over", std::string(id));
    }
    EventBatch events;
    auto reply = approvals_.answer(id, approved, events);
    if (reply) {
        last_event_ = Clock::now();
        kept_.keep(reply->request, "", reply->body);
        queue(std::move(events));
    }
    return reply;
}

std::vector<CodexApprovals::Reply> RunningTurn::withdraw_approvals() {
    auto replies = approvals_.withdraw();
    for (const EarlyQuestion& early : std::exchange(early_questions_, {})) {
        replies.push_back({early.request, approval_answer(early.question, false)});
    }
    return replies;
}

std::vector<CodexApprovals::Reply> RunningTurn::take_ended_approvals() {
    auto replies = approvals_.take_ended();
    return torn_ ? decltype(replies){} : replies;
}

void RunningTurn::approval_resolved(const Json& request) {
    std::erase_if(early_questions_, [&](const auto& early) { return early.request == request; });
    kept_.resolved(request);
    EventBatch events;
    approvals_.resolved(request, events);
    if (!ended_ && !events.empty()) {
        last_event_ = Clock::now();
        queue(std::move(events));
    }
}

void RunningTurn::emit(turn::Event event) {
    if (!ended_ && !id_.empty()) {
        EventBatch events;
        events.push_back(std::move(event));
        queue(std::move(events));
    }
}

Task<void>
RunningTurn::wait_started(std::shared_ptr<RunningTurn> self, Clock::time_point deadline) {
    while (!self->started_ && !self->over() && Clock::now() < deadline) {
        co_await self->changed_.wait_until(deadline);
        if (is_set(co_await asio::this_coro::cancellation_state)) {
            co_return;
        }
    }
}

Task<void> RunningTurn::wait_asked(std::shared_ptr<RunningTurn> self, Clock::time_point deadline) {
    const auto due = [&] {
        return self->unasked && !self->over() && !self->abandoned && !self->adrift_since_;
    };
    while (due() && Clock::now() < deadline) {
        co_await self->changed_.wait_until(deadline);
    }
}

} // namespace oa_stream::authority
