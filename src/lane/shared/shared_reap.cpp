// Ends a dead replica's turn that cannot be continued.
#include "shared_reap.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/encode/continuation.hpp"
#include "oa_stream/encode/normaliser.hpp"

#include "state.hpp"
#include "turns/turn_end.hpp"

#include <utility>

namespace oa_stream::lane {

namespace {

constexpr std::size_t k_newest = 5; ///< of a thread's turns: the lost one is among them

turn::TurnEnded lost_end() {
    constexpr auto k_code = turn::FailureCode::turn_lost;
    return failed(turn::Outcome::aborted, k_code, "the replica that ran it is gone");
}

/// The end in the authority's history. A turn that is interrupted there, although no client
/// requested it, ended because its server died or because its replica ended it.
turn::TurnEnded end_of(const authority::PastTurn& past, bool stop_wanted) {
    turn::TurnEnded out{past.outcome, turn::Finish::stop, std::nullopt, std::nullopt};
    const bool interrupted = past.outcome == turn::Outcome::interrupted;
    if (interrupted && (past.failure || !stop_wanted)) {
        const auto code = past.failure.value_or(turn::FailureCode::authority_lost);
        out = failed(turn::outcome_of(code), code, "the authority ended the turn");
    } else if (interrupted) {
        out.finish = turn::Finish::other;
    } else if (past.outcome != turn::Outcome::completed) {
        out = failed(past.outcome, turn::FailureCode::turn_failed, "the turn failed");
    }
    for (const auto& event : past.events) {
        if (const auto* usage = std::get_if<turn::UsageKnown>(&event)) {
            out.usage = usage->usage;
        } else if (const auto* ended = std::get_if<turn::TurnEnded>(&event)) {
            out.finish = ended->finish;
            out.failure = ended->failure;
            out.withheld = ended->withheld;
        }
    }
    return out;
}

/// The unsent rest of a turn that the authority has completely, with its end. Empty when it does
/// not continue what was sent.
std::string rest_of(
    encode::UiEncoder& encoder,
    std::string_view sent,
    authority::PastTurn past,
    const turn::TurnEnded& ended
) {
    encode::Continuation goes_on(sent);
    std::string out;
    for (auto& event : past.events) {
        if (std::holds_alternative<turn::TurnEnded>(event)) {
            continue;
        }
        const auto fresh = goes_on.admit(event);
        if (!fresh || (*fresh && !encoder.encode(event, out))) {
            return {};
        }
    }
    return encoder.encode(ended, out) ? out : std::string();
}

/// Replaces the history's events by all events that the authority still has. Leaves out the usage:
/// it is unknown for all responses but the newest.
void put_events(authority::PastTurn& past, authority::EventBatch events) {
    encode::Normaliser normaliser;
    past.events.clear();
    past.times_ms.clear();
    for (auto& event : events) {
        if (auto* ended = std::get_if<turn::TurnEnded>(&event)) {
            ended->usage.reset();
        } else if (std::holds_alternative<turn::UsageKnown>(event)) {
            continue;
        }
        normaliser.push(std::move(event), past.events);
    }
}

} // namespace

encode::UiEncoderOptions encoder_options(const store::TakeRequest& take, const TurnHead& head) {
    encode::UiEncoderOptions out;
    out.thread = take.key.id;
    out.message_id = head.message_id.empty() ? take.from.turn : head.message_id;
    out.turn = take.from.turn;
    out.model = head.model;
    out.approvals = head.approvals;
    return out;
}

TurnIdentity identity_of(const store::TakeRequest& take, const TurnHead& head) {
    const auto* known =
        find_or_null(telemetry::k_turn_routes, head.route, &telemetry::TurnRoute::pattern);
    return {
        .route = known == nullptr ? k_usual_route : known->pattern,
        // Only used in the log
        .request_id = head.request_id.empty() ? take.from.turn : head.request_id,
        .owner = take.key.owner,
        .thread = take.key.id,
        .received = Clock::now(),
        .probe = head.probe,
        .taken_over = true
    };
}

/// None: the authority has no such turn. An error: the authority did not answer, or it runs the
/// turn; then the turn must not be reported as lost.
Task<Result<std::optional<authority::PastTurn>>> SharedLane::past_turn(store::TakeRequest take) {
    const auto row = lane_->ids().find(take.key.owner, take.key.id);
    if (!row) {
        co_return std::nullopt;
    }
    authority::TurnsQuery query{.thread = row->thread, .limit = k_newest, .newest_first = true};
    query.failures = true;
    auto page = co_await lane_->authority().turns_page(std::move(query));
    if (!page && page.error().code != Code::not_found) {
        co_return std::unexpected(std::move(page).error());
    }
    for (std::size_t i = 0; page && i < page->turns.size(); ++i) {
        auto& turn = page->turns[i];
        if (wire_id(turn.id) != take.from.turn) {
            continue;
        }
        if (turn.running) {
            co_return fail(Code::unavailable, "the turn runs");
        }
        if (turn.outcome == turn::Outcome::completed) {
            if (auto events = co_await lane_->authority().retell(row->thread, turn.id)) {
                put_events(turn, *std::move(events));
            }
        }
        co_return std::move(turn);
    }
    co_return std::nullopt;
}

Task<void> SharedLane::reap(
    store::TakeRequest take,
    std::string sent,
    TurnHead head,
    std::optional<authority::PastTurn> past
) {
    encode::UiEncoder encoder(encoder_options(take, head));
    auto ended = past ? end_of(*past, !take.from.stop.empty()) : lost_end();
    std::string begun;
    if (past && sent.empty() && !head.route.empty()) { // the log has no frames yet
        encoder.begin(begun);
    }
    std::string frames;
    if (!begun.empty() || (!sent.empty() && encoder.restore(sent) && !encoder.ended())) {
        frames = past ? rest_of(encoder, sent, *std::move(past), ended) : std::string();
        if (frames.empty()) {
            ended = lost_end();
            encoder.fail_open(ended.failure.value_or(turn::Failure{}), frames);
        }
        frames.insert(0, begun);
    }
    const auto outcome =
        dump_json(Json{{"outcome", turn::to_string(ended.outcome)}, {"owed", true}});
    const bool started = take.from.phase == store::Phase::live;
    const auto decided = co_await store_->reap(take, frames, outcome);
    if (!decided || !*decided || !started) {
        co_return;
    }
    ++store_->turns.reaped;
    TurnOutcome counted{identity_of(take, head)};
    counted.turn = take.from.turn;
    counted.model = head.model;
    counted.outcome = ended.outcome;
    counted.failure = ended.failure;
    counted.usage = ended.usage;
    counted.reason = stop_reason_of(take.from.stop);
    counted.terminal = class_of(counted);
    counted.content = encoder.summary().content;
    counted.frames = encoder.summary().frames;
    lane_->count(counted);
    if (lane_->parts.log != nullptr) {
        lane_->parts.log->event(
            LogLevel::warn,
            "turn_settled",
            Json{
                {"request_id", counted.request_id},
                {"thread", counted.thread},
                {"turn", counted.turn},
                {"terminal", turn::to_string(counted.terminal)}
            }
        );
    }
}

} // namespace oa_stream::lane
