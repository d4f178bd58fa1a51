#include "turn_queue.hpp"

#include <algorithm>
#include <iterator>

namespace oa_stream::authority {

namespace {

/// Capacity kept after a drain: text arrives a few events at a time.
constexpr std::size_t k_kept = 8;

/// Tool inputs and outputs are JSON: estimates the size without serialising it.
std::size_t weight_of_json(const Json& value) {
    if (value.is_string()) {
        return value.get_ref<const std::string&>().size() + sizeof(Json);
    }
    std::size_t sum = sizeof(Json);
    if (value.is_structured()) {
        for (auto it = value.begin(); it != value.end(); ++it) {
            sum += (value.is_object() ? it.key().size() : 0) + weight_of_json(it.value());
        }
    }
    return sum;
}

struct Weigher {
    std::size_t operator()(const turn::PartDelta& event) const { return event.text.size(); }
    std::size_t operator()(const turn::ToolInputDelta& event) const { return event.text.size(); }
    std::size_t operator()(const turn::ToolOutputDelta& event) const { return event.text.size(); }
    std::size_t operator()(const turn::ToolFailed& event) const { return event.text.size(); }
    std::size_t operator()(const turn::ToolInputReady& event) const {
        return weight_of_json(event.input);
    }
    std::size_t operator()(const turn::ToolOutput& event) const {
        return weight_of_json(event.output);
    }
    std::size_t operator()(const turn::Note& event) const { return weight_of_json(event.payload); }
    std::size_t operator()(const auto&) const { return 0; }
};

} // namespace

std::size_t weight_of(const turn::Event& event) {
    return sizeof(turn::Event) + std::visit(Weigher{}, event);
}

bool TurnQueue::push(EventBatch&& events) {
    for (const turn::Event& event : events) {
        weight_ += weight_of(event);
    }
    if (weight_ > limit_) {
        return false;
    }
    std::ranges::move(events, std::back_inserter(events_));
    return true;
}

void TurnQueue::drain(EventBatch& out) {
    weight_ = 0;
    std::ranges::move(events_, std::back_inserter(out));
    events_.clear();
    if (events_.capacity() > k_kept) {
        events_ = {};
    }
}

} // namespace oa_stream::authority
