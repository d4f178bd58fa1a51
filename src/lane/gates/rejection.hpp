// An answer that refuses a request before any stream began: status, code, and the one JSON
// envelope.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/net/http_server.hpp"

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::lane {

/// {"message","error":{"code","message","requestId",…},"errors"?,…}
struct Rejection {
    int status = 500;
    std::string code; ///< stable code for programs
    std::string message; ///< one sentence for users; never upstream text
    /// Validation errors: field → text; they form the member "errors".
    std::vector<std::pair<std::string, std::string>> fields{};
    Json details = Json::object(); ///< additional members of "error"
    Json members = Json::object(); ///< additional members beside "error"
    net::Headers headers{};
    std::string cause{}; ///< only for the log

    /// Lets `return reject_busy();` work in every function that returns an Accepted.
    template <class T> operator std::expected<T, Rejection>() && {
        return std::unexpected(std::move(*this));
    }
};

template <class T> using Accepted = std::expected<T, Rejection>;

[[nodiscard]] Rejection reject(int status, std::string code, std::string message);
/// 422 invalid_request with one entry in "errors".
[[nodiscard]] Rejection invalid_field(std::string field, std::string message);
/// The same refusal with Retry-After (whole seconds).
[[nodiscard]] Rejection with_retry_after(Rejection rejection, int seconds);

/// Translates the authority's refusal to start a turn. The authority's own text is not passed on.
/// `replaces`: the request also had to drop an earlier turn.
[[nodiscard]] Rejection reject_start(const Error& error, bool replaces = false);

/// The same for something that not every authority can do: 501 with `unable` if this one cannot.
[[nodiscard]] Rejection reject_unable(const Error& error, std::string_view unable);
/// The same for a refusal to read from the authority.
[[nodiscard]] Rejection reject_read(const Error& error);
/// 404: the thread does not exist, was deleted, or belongs to another owner.
[[nodiscard]] Rejection reject_unknown_thread();
/// 409: the thread exists already and cannot be made.
[[nodiscard]] Rejection reject_known_thread();
/// 503: the lane's disk accepts no writes, so no conversation begins that a restart would lose.
[[nodiscard]] Rejection reject_unstored(std::string_view what = "a new conversation");

/// 499: the client has left, so nobody reads the answer.
[[nodiscard]] Rejection reject_left();
/// 409: a turn is running on this thread.
[[nodiscard]] Rejection reject_busy();
/// 503 and 429: the limit of turns is reached, of all or of this owner.
[[nodiscard]] Rejection reject_full();
[[nodiscard]] Rejection reject_owner_full();
// For requests under the same Idempotency-Key: 422, 409, 409.
[[nodiscard]] Rejection reject_other_request();
[[nodiscard]] Rejection reject_still_starting();
[[nodiscard]] Rejection reject_answered(std::string_view turn);

[[nodiscard]] net::Response to_response(const Rejection& rejection, std::string_view request_id);

/// A JSON answer with cache-control: no-store.
[[nodiscard]] net::Response json_response(int status, const Json& body);

} // namespace oa_stream::lane
