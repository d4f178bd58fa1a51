// How the lane answers: common headers, the one envelope of a refusal, and what is noted of each
// answer in the access log, the metrics and the event log.
#pragma once

#include "gates/call.hpp"
#include "gates/rejection.hpp"
#include "state.hpp"

#include <memory>
#include <optional>
#include <string_view>

namespace oa_stream::lane {

/// The lane outlives its requests, and its calls outlive nothing of it.
class Answers {
public:
    explicit Answers(LaneState& lane) : lane_(&lane) {}

    [[nodiscard]] Task<void> send(CallPtr call, net::Response response);
    [[nodiscard]] Task<void> refuse(CallPtr call, Rejection rejection);
    /// `turn` as an event stream, with `headers` of its protocol. `first`: the call started it.
    /// `segment`: of a turn in several answers, the one to be sent; all of them as one without.
    [[nodiscard]] Task<void> stream(
        CallPtr call,
        std::shared_ptr<LiveTurn> turn,
        net::Headers headers,
        bool first,
        std::optional<std::size_t> segment = {}
    );
    [[nodiscard]] net::Response preflight(const Call& call) const;
    /// For what never became a request.
    [[nodiscard]] net::Response error_page(const net::RefusedRequest& refused);

    /// The authority refused what `call` asked; the client is told the code alone.
    void log_failed(
        std::string_view event, const Call& call, std::string_view code, std::string_view cause
    ) const;
    /// … to start its turn.
    void log_start_failed(const Call& call, const Error& error) const {
        log_failed("start_failed", call, to_string(error.code), error.text());
    }
    /// The client was told a code and a request id; the cause stands here, under the same id.
    void log_turn(const TurnOutcome& outcome) const;
    void log_event(LogLevel level, std::string_view event, const Json& fields) const;

private:
    void add_common_headers(const Call& call, net::Headers& headers) const;
    void add_cors_headers(const Call& call, net::Headers& headers) const;
    void finish_record(RequestRecord& record, const ReaderReport& report) const;

    LaneState* lane_;
};

} // namespace oa_stream::lane
