// A client's decisions come to any replica; the one that runs the turn judges them.
#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/json_members.hpp"

#include "shared_lane.hpp"
#include "state.hpp"

namespace oa_stream::lane {

namespace {

constexpr Millis k_wait{2'000};
constexpr Millis k_poll{10};

std::string text_of(const std::vector<ApprovalAnswer>& answers) {
    Json out = Json::array();
    for (const auto& answer : answers) {
        out.push_back(Json{{"id", answer.id}, {"approved", answer.approved}});
    }
    return dump_json(out);
}

std::vector<ApprovalAnswer> answers_of(const std::string& text) {
    std::vector<ApprovalAnswer> out;
    for (const auto& one : Json::parse(text, nullptr, false)) {
        const auto id = string_member(one, "id");
        const auto approved = bool_member(one, "approved");
        if (id && approved) {
            out.push_back({std::string(*id), *approved});
        }
    }
    return out;
}

std::string text_of(const Accepted<std::size_t>& verdict) {
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

Accepted<std::size_t> verdict_of(const std::string& text) {
    const auto json = Json::parse(text, nullptr, false);
    if (const auto segment = int_member(json, "segment"); segment && *segment >= 0) {
        return static_cast<std::size_t>(*segment);
    }
    const auto status = int_member(json, "status");
    if (!status) {
        return std::unexpected(reject_unheard());
    }
    auto no = reject(
        static_cast<int>(*status),
        std::string(string_member(json, "code").value_or("")),
        std::string(string_member(json, "message").value_or(""))
    );
    for (const auto& [field, why] : json.value("fields", Json::object()).items()) {
        no.fields.emplace_back(field, why.is_string() ? why.get<std::string>() : std::string());
    }
    return std::unexpected(no.status == 409 ? with_retry_after(std::move(no), 1) : std::move(no));
}

} // namespace

/// Null: the turn is not ours any more, and whoever asks tries again.
void SharedLane::judge(const store::Wanted& what, LiveTurn* turn) {
    if (turn != nullptr) {
        store_->answer(what, text_of(turn->answer(answers_of(what.body))));
    }
}

Task<Accepted<std::size_t>>
SharedLane::decide(std::shared_ptr<LiveTurn> turn, std::vector<ApprovalAnswer> answers) {
    const auto until = Clock::now() + k_wait;
    const auto name = random_hex(8);
    answers_[name];
    const auto& who = turn->identity();
    const auto sent = co_await store_->pass(
        {who.owner, who.thread},
        {.turn = turn->id(),
         .reason = std::string(k_decide),
         .request = name,
         .body = text_of(answers)}
    );
    while (sent && *sent && !answers_[name] && Clock::now() < until) {
        co_await sleep_for(k_poll);
    }
    const auto answered = std::exchange(answers_[name], {});
    answers_.erase(name);
    if (!sent) {
        co_return std::unexpected(reject_store_away());
    }
    if (!answered) {
        co_return std::unexpected(reject_unheard());
    }
    auto verdict = verdict_of(*answered);
    while (verdict && !turn->claim(*verdict)) {
        if (turn->ended() || Clock::now() >= until) {
            co_return std::unexpected(reject_unheard());
        }
        co_await sleep_for(k_poll);
    }
    co_return verdict;
}

} // namespace oa_stream::lane
