// HTTP with the Admin API: token, retries, waits. Private to the room.
#pragma once

#include "oa_stream/base/json.hpp"

#include "cloud_run/cloud_run_driver.hpp"

#include <string>

namespace oa_stream::traffic::cloud_run {

/// Not thread-safe. After a 401 requests one fresh token and retries once, because the API did
/// nothing. A requested pause (Retry-After) outlasts the call that received it. One that a write
/// received delays reads for some seconds only, because its result may have to be determined.
class Api {
public:
    Api(net::HttpClient& client, const CloudRunDriverOptions& options)
        : client_(client), options_(options) {}

    /// Retries where allowed, with back-off, as long as a wait ends before `until`.
    [[nodiscard]] Task<Result<Json>> get(std::string path, Clock::time_point until);

    /// Sends once, and again only after an answer that proves that the request was not applied
    /// (401, 429). Code::conflict when a 429's pause would not end in time.
    [[nodiscard]] Task<Result<Json>>
    patch(std::string path, std::string body, Clock::time_point until);

    /// From here on, in a rollback, requested pauses are honoured for some seconds only.
    void begin_rescue() noexcept { rescue_ = true; }
    [[nodiscard]] bool rescues() const noexcept { return rescue_; }

    /// Number of retried reads so far, for the evidence.
    [[nodiscard]] int repeated() const noexcept { return repeated_; }

private:
    [[nodiscard]] Task<Result<net::ClientResponse>> exchange(net::ClientRequest request);
    [[nodiscard]] net::ClientRequest request(std::string method, const std::string& path) const;
    /// Fails with `late` if the wait until `quiet` would not end before `until`.
    [[nodiscard]] Task<Result<void>>
    leave_alone(Clock::time_point quiet, Clock::time_point until, Code late);
    void heed(const net::ClientResponse& response, bool write);

    net::HttpClient& client_;
    const CloudRunDriverOptions& options_;
    Clock::time_point reads_quiet_until_{};
    Clock::time_point writes_quiet_until_{};
    Clock::time_point rescue_quiet_until_{};
    std::string quiet_why_{}; ///< the answer that requested the pause
    int repeated_ = 0;
    bool rescue_ = false;
};

} // namespace oa_stream::traffic::cloud_run
