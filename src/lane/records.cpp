#include "oa_stream/lane/records.hpp"

namespace oa_stream::lane {

std::string_view to_string(StopReason reason) noexcept {
    switch (reason) {
    case StopReason::none:
        return "none";
    case StopReason::stopped:
        return "stopped";
    case StopReason::superseded:
        return "superseded";
    case StopReason::client_gone:
        return "client_gone";
    case StopReason::wall_time:
        return "wall_time";
    case StopReason::drain:
        return "drain";
    case StopReason::overloaded:
        return "overloaded";
    case StopReason::first_event:
        return "first_event";
    case StopReason::stalled:
        return "stalled";
    }
    return "none";
}

std::string_view to_string(ReaderEnd end) noexcept {
    switch (end) {
    case ReaderEnd::finished:
        return "finished";
    case ReaderEnd::client_gone:
        return "client_gone";
    case ReaderEnd::client_too_slow:
        return "client_too_slow";
    case ReaderEnd::cut:
        return "cut";
    }
    return "finished";
}

} // namespace oa_stream::lane
