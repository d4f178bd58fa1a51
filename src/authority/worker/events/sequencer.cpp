#include "sequencer.hpp"

#include <utility>

namespace oa_stream::authority {

void Sequencer::begin(std::uint64_t next) {
    next_ = next;
    held_.clear();
    held_bytes_ = 0;
    waiting_since_.reset();
    needs_log_ = false;
    adrift_ = false;
}

void Sequencer::push(WorkerEvent event, Clock::time_point now, Events& ready) {
    if (event.seq == 0) {
        if (event.watermark > reported_watermark_) {
            reported_watermark_ = event.watermark;
            ready.push_back(std::move(event));
        }
        return;
    }
    if (event.seq < next_ || held_.contains(event.seq)) {
        ++counts_.duplicates;
        return;
    }
    if (std::exchange(adrift_, false)) {
        counts_.found_nowhere += event.seq - next_;
        next_ = event.seq;
    }
    if (event.missing) {
        needs_log_ = true;
        return;
    }
    if (event.seq == next_) {
        ++next_;
        ready.push_back(std::move(event));
        release(now, ready);
        return;
    }
    if (held_.size() >= k_most_held || held_bytes_ + event.bytes > k_most_held_bytes) {
        needs_log_ = true; // the dropped event can be read from the log
        return;
    }
    waiting_since_ = waiting_since_.value_or(now);
    held_bytes_ += event.bytes;
    held_.emplace(event.seq, std::move(event));
}

/// Releases the held events from next() on, up to the next gap.
void Sequencer::release(Clock::time_point now, Events& ready) {
    const auto before = held_.size();
    while (!held_.empty() && held_.begin()->first <= next_) {
        auto node = held_.extract(held_.begin());
        held_bytes_ -= node.mapped().bytes;
        if (node.key() == next_) {
            ++next_;
            ready.push_back(std::move(node.mapped()));
        }
    }
    if (held_.empty()) {
        waiting_since_.reset();
    } else if (held_.size() != before) {
        waiting_since_ = now;
    }
}

void Sequencer::fill(Events log, std::uint64_t latest, Clock::time_point now, Events& ready) {
    needs_log_ = false;
    adrift_ = false;
    for (WorkerEvent& event : log) {
        latest = std::max(latest, event.seq);
        if (event.seq >= next_ && !held_.contains(event.seq)) {
            ++counts_.found_in_log;
            held_.emplace(event.seq, std::move(event));
        }
    }
    while (!held_.empty() && held_.begin()->first <= latest) {
        auto node = held_.extract(held_.begin());
        held_bytes_ -= std::min(held_bytes_, node.mapped().bytes);
        counts_.found_nowhere += node.key() - next_;
        next_ = node.key() + 1;
        ready.push_back(std::move(node.mapped()));
    }
    if (next_ <= latest) {
        counts_.found_nowhere += latest + 1 - next_;
        next_ = latest + 1;
    }
    waiting_since_.reset();
    if (!held_.empty()) {
        waiting_since_ = now;
    }
    release(now, ready);
}

void Sequencer::skip(Events& ready) {
    needs_log_ = false;
    adrift_ = held_.empty();
    waiting_since_.reset();
    for (auto& [seq, event] : held_) {
        counts_.found_nowhere += seq - next_;
        next_ = seq + 1;
        ready.push_back(std::move(event));
    }
    held_.clear();
    held_bytes_ = 0;
}

} // namespace oa_stream::authority
