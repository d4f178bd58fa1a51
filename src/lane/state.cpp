#include "state.hpp"

#include "oa_stream/lane/access_log.hpp"

#include <utility>

namespace oa_stream::lane {

LaneState::LaneState(const asio::any_io_executor& on, LaneConfig with, LaneParts from)
    : executor(on), config(std::move(with)), parts(std::move(from)),
      bodies(on, config.limits.waiting_bodies) {
    host->limits = config.limits;
    if (parts.store == nullptr) { // all turns belong to this process
        host->limits.streams_here = config.limits.streams;
    }
    host->timings = config.timings;
    host->observer = parts.observer != nullptr ? parts.observer : &silent;
}

void LaneState::count(const RequestRecord& record) const {
    observer().request_done(record);
    if (parts.access_log) {
        parts.access_log(access_line(record, config.revision, config.log_format));
    }
}

void LaneState::count(const TurnOutcome& outcome) const {
    observer().turn_ended(outcome);
    if (outcome.taken_over) {
        count(taken_over_record(outcome));
    }
}

} // namespace oa_stream::lane
