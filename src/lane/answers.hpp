// How the lane answers: common headers, the one envelope of refusals, and the notes on each answer
// in the access log, the metrics and the event log.
#pragma once

#include "gates/call.hpp"
#include "gates/rejection.hpp"
#include "state.hpp"

#include <memory>
#include <optional>
#include <string_view>

namespace oa_stream::lane {

/// The lane outlives its requests; no call outlives the lane.
class Answers {
public:
    explicit Answers(LaneState& lane) : lane_(&lane) {}

    [[nodiscard]] Task<void> send(CallPtr call, net::Response response);
    [[nodiscard]] Task<void> refuse(CallPtr call, Rejection rejection);
    /// Sends `turn` as an event stream, with `headers` of its protocol. `first`: this call started
    /// the turn. `segment`: the answer to send when the turn has several; without it all are sent
    /// as one.
    [[nodiscard]] Task<void> stream(
        CallPtr call,
        std::shared_ptr<LiveTurn> turn,
        net::Headers headers,
        bool first,
        std::optional<std::size_t> segment = {}
    );
    [[nodiscard]] net::Response preflight(const Call& call) const;
    /// For input that never became a request.
    [[nodiscard]] net::Response error_page(const net::RefusedRequest& refused);

    /// Logs that the authority refused what `call` requested; the client receives only the code.
    void log_failed(
        std::string_view event, const Call& call, std::string_view code, std::string_view cause
    ) const;
    /// Logs that the authority refused to start the turn of `call`.
    void log_start_failed(const Call& call, const Error& error) const {
        log_failed("start_failed", call, to_string(error.code), error.text());
    }
    /// Logs the cause of a failed turn under the request id. The client received only a code and
    /// this id.
    void log_turn(const TurnOutcome& outcome) const;
    void log_event(LogLevel level, std::string_view event, const Json& fields) const;

private:
    void add_common_headers(const Call& call, net::Headers& headers) const;
    void add_cors_headers(const Call& call, net::Headers& headers) const;
    void finish_record(RequestRecord& record, const ReaderReport& report) const;

    LaneState* lane_;
};

} // namespace oa_stream::lane
