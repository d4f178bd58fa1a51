#include "oa_stream/run/steering.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/json_members.hpp"

#include <fmt/format.h>

#include <csignal>
#include <utility>

namespace oa_stream::run {

std::string_view to_string(Action action) noexcept {
    return enum_word<Action::abort>(k_action_words, action);
}

std::string Order::text() const {
    constexpr std::array<std::string_view, 4> k_done{"paused", "continued", "promoted", "aborted"};
    return fmt::format(
        "{} by {}{}{}",
        k_done[static_cast<std::size_t>(action)],
        who,
        reason.empty() ? "" : ": ",
        reason
    );
}

Result<void> Steering::check(Action action) const {
    if (!over_.empty()) {
        return fail(Code::precondition, over_);
    }
    if (stop_.requested()) {
        return fail(Code::precondition, "the run is already ending: " + stop_.text());
    }
    switch (action) {
    case Action::pause:
        if (!position_.not_pausable.empty()) {
            return fail(Code::precondition, position_.not_pausable);
        }
        return position_.paused ? fail(Code::precondition, "the run is already paused")
                                : Result<void>{};
    case Action::go_on:
        return position_.paused || pause_
                   ? Result<void>{}
                   : fail(Code::precondition, "the run is not paused, and no pause was asked for");
    case Action::promote:
        if (position_.stage.empty()) {
            return fail(Code::precondition, "the run is in no stage that could be promoted");
        }
        return position_.not_promotable.empty()
                   ? Result<void>{}
                   : fail(Code::precondition, position_.not_promotable);
    case Action::abort:
        break;
    }
    return {};
}

Result<void> Steering::give(const Order& order) {
    if (!over_.empty() && order.action == Action::abort) {
        stop_.request(SIGTERM, order.text()); // who wants to roll back does not wait for the rest
    }
    OA_CHECK(check(order.action));
    switch (order.action) {
    case Action::pause:
        pause_ = order;
        break;
    case Action::go_on:
        pause_.reset();
        if (position_.paused) {
            order_ = order;
        }
        break;
    case Action::promote:
        pause_.reset();
        order_ = order;
        break;
    case Action::abort:
        stop_.request(SIGTERM, order.text());
        break;
    }
    orders_.push_back(order);
    if (on_order_) {
        on_order_(order, position_);
    }
    return {};
}

Json Steering::status() const {
    return {
        {"state", position_.paused ? "paused" : "running"},
        {"step", position_.step},
        {"stage", or_null(position_.stage)},
        {"why", position_.paused ? Json(position_.why) : Json(nullptr)},
        {"left_s", position_.paused ? Json(position_.left_s) : Json(nullptr)},
        {"pause_asked", pause_.has_value()},
        {"ending", stop_.requested()},
    };
}

void Steering::at_step(std::string step) {
    position_.step = std::move(step);
}

void Steering::in_stage(std::string stage) {
    position_.stage = std::move(stage);
    position_.not_promotable.clear();
    order_.reset(); // it was for the stage before
}

void Steering::forbid_pause(std::string why) {
    position_.not_pausable = std::move(why);
    pause_.reset();
}

void Steering::paused(std::string why) {
    position_.paused = true;
    position_.why = std::move(why);
}

void Steering::unpaused() {
    position_.paused = false;
    position_.why.clear();
    pause_.reset();
    order_.reset(); // one that came too late is not for the next pause
}

std::optional<Order> Steering::take_order() {
    return std::exchange(order_, std::nullopt);
}

std::optional<Order> Steering::take_promotion() {
    return order_ && order_->action == Action::promote ? take_order() : std::nullopt;
}

} // namespace oa_stream::run
