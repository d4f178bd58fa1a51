// A client's decisions and results may arrive at any replica; the replica that runs the turn judges
// them.
#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/json_members.hpp"

#include "shared_lane.hpp"
#include "state.hpp"

#include <utility>

namespace oa_stream::lane {

namespace {

constexpr Millis k_wait{2'000};
constexpr Millis k_poll{10};

/// Lists the decisions and the results.
std::string answers_text(
    const std::vector<ApprovalAnswer>& answers, const std::vector<authority::CallResult>& results
) {
    Json out = Json::array();
    for (const auto& answer : answers) {
        out.push_back(Json{{"id", answer.id}, {"approved", answer.approved}});
    }
    for (const auto& result : results) {
        out.push_back(
            Json{{"call", result.call}, {"failed", result.failed}, {"output", result.output}}
        );
    }
    return dump_json(out);
}

struct Answers {
    std::vector<ApprovalAnswer> decisions{};
    std::vector<authority::CallResult> results{};
};

Answers answers_of(const std::string& text) {
    Answers out;
    for (auto& one : Json::parse(text, nullptr, false)) {
        const auto id = string_member(one, "id");
        const auto approved = bool_member(one, "approved");
        const auto call = string_member(one, "call");
        if (id && approved) {
            out.decisions.push_back({std::string(*id), *approved});
        } else if (call && one.contains("output")) {
            out.results.push_back(
                {.call = std::string(*call),
                 .output = std::move(one["output"]),
                 .failed = bool_member(one, "failed").value_or(false)}
            );
        }
    }
    return out;
}

std::string verdict_text(const Accepted<std::size_t>& verdict) {
    if (verdict) {
        return dump_json(Json{{"segment", *verdict}});
    }
    const auto& no = verdict.error();
    Json fields = Json::object();
    for (const auto& [field, why] : no.fields) {
        fields[field] = why;
    }
    return dump_json(
        Json{{"status", no.status}, {"code", no.code}, {"message", no.message}, {"fields", fields}}
    );
}

Rejection reject_unheard() {
    return with_retry_after(
        reject(503, "service_unavailable", "the replica that runs this turn does not answer"), 1
    );
}

/// The store lost the turn's frames so far, so no other replica can send the outcome of a decision.
Rejection reject_unread() {
    return with_retry_after(
        reject(503, "service_unavailable", "only the replica that runs this turn can take it now"),
        1
    );
}

Accepted<std::size_t> verdict_of(const std::string& text) {
    const auto json = Json::parse(text, nullptr, false);
    if (const auto segment = int_member(json, "segment"); segment && *segment >= 0) {
        return static_cast<std::size_t>(*segment);
    }
    const auto status = int_member(json, "status");
    if (!status) {
        return reject_unheard();
    }
    auto no = reject(
        static_cast<int>(*status),
        std::string(string_member(json, "code").value_or("")),
        std::string(string_member(json, "message").value_or(""))
    );
    for (const auto& [field, why] : json.value("fields", Json::object()).items()) {
        no.fields.emplace_back(field, why.is_string() ? why.get<std::string>() : std::string());
    }
    return no.status == 409 ? with_retry_after(std::move(no), 1) : std::move(no);
}

} // namespace

Task<void> SharedLane::judge(
    SharedLane* self,
    std::shared_ptr<bool> alive,
    store::Wanted what,
    std::shared_ptr<LiveTurn> turn
) {
    if (!co_await self->is_ours(turn, false)) {
        co_return;
    }
    const auto answers = answers_of(std::exchange(what.body, {}));
    const auto until = Clock::now() + k_wait;
    while (turn->unsure(answers.decisions, answers.results) && Clock::now() < until) {
        co_await sleep_for(k_poll); // the turn was taken over just now
    }
    if (*alive) {
        self->store_->answer(what, verdict_text(turn->answer(answers.decisions, answers.results)));
    }
}

Task<Accepted<std::size_t>> SharedLane::decide(
    std::shared_ptr<LiveTurn> turn,
    std::vector<ApprovalAnswer> answers,
    std::vector<authority::CallResult> results
) {
    const auto relay = relays_.find(turn->id());
    if (relay != relays_.end() && relay->second.logless) {
        co_return reject_unread();
    }
    const auto until = Clock::now() + k_wait;
    const auto name = random_hex(8);
    answers_[name];
    const auto& who = turn->identity();
    const auto sent = co_await store_->pass(
        {who.owner, who.thread},
        {.turn = turn->id(),
         .reason = std::string(k_decide),
         .request = name,
         .body = answers_text(answers, results)}
    );
    while (sent && *sent && !answers_[name] && Clock::now() < until) {
        co_await sleep_for(k_poll);
    }
    const auto answered = std::exchange(answers_[name], {});
    answers_.erase(name);
    if (!sent) {
        co_return reject_store_away();
    }
    if (!*sent) {
        co_return reject_unread();
    }
    if (!answered) {
        co_return reject_unheard();
    }
    auto verdict = verdict_of(*answered);
    while (verdict && !turn->claim(*verdict)) {
        if (turn->ended() || Clock::now() >= until) {
            co_return reject_unheard();
        }
        co_await sleep_for(k_poll);
    }
    co_return verdict;
}

} // namespace oa_stream::lane
