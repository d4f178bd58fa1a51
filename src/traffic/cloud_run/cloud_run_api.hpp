// HTTP with the Admin API: token, repetition, waits. Private to the room.
#pragma once

#include "oa_stream/base/json.hpp"

#include "cloud_run/cloud_run_driver.hpp"

#include <string>

namespace oa_stream::traffic::cloud_run {

/// One thread. A 401 is answered by one fresh token and one repetition: the API did nothing. The
/// server's wish to be left alone (Retry-After) outlives the call that heard it; one that a write
/// heard holds up reads for some seconds only: somebody may have to find out what became of it.
class Api {
public:
    Api(net::HttpClient& client, const CloudRunDriverOptions& options)
        : client_(client), options_(options) {}

    /// Repeats what may be repeated, with back-off, as long as a wait ends before `until`.
    [[nodiscard]] Task<Result<Json>> get(std::string path, Clock::time_point until);

    /// Sent once, and again only after an answer that proves that it was not applied (401, 429).
    /// Code::conflict when there is no time left to wait out a 429.
    [[nodiscard]] Task<Result<Json>>
    patch(std::string path, std::string body, Clock::time_point until);

    /// From here on, in a rollback, reads and writes honour a wish to be left alone for some
    /// seconds, not for as long as it likes.
    void begin_rescue() noexcept { rescue_ = true; }
    [[nodiscard]] bool rescues() const noexcept { return rescue_; }

    /// Repeated reads so far, for the evidence.
    [[nodiscard]] int repeated() const noexcept { return repeated_; }

private:
    [[nodiscard]] Task<Result<net::ClientResponse>> exchange(net::ClientRequest request);
    [[nodiscard]] net::ClientRequest request(std::string method, const std::string& path) const;
    /// `late` when the wait until `quiet` would not end before `until`.
    [[nodiscard]] Task<Result<void>>
    leave_alone(Clock::time_point quiet, Clock::time_point until, Code late);
    void heed(const net::ClientResponse& response, bool write);

    net::HttpClient& client_;
    const CloudRunDriverOptions& options_;
    Clock::time_point reads_quiet_until_{};
    Clock::time_point writes_quiet_until_{};
    Clock::time_point rescue_quiet_until_{};
    std::string quiet_why_{}; ///< the answer that asked for it
    int repeated_ = 0;
    bool rescue_ = false;
};

} // namespace oa_stream::traffic::cloud_run
