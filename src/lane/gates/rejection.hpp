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
    std::string code;    ///< stable word for programs
    std::string message; ///< one sentence for people; never upstream text
    /// Validation errors: field → text; makes the member "errors".
    std::vector<std::pair<std::string, std::string>> fields{};
    Json details = Json::object(); ///< more members of "error"
    Json members = Json::object(); ///< more members beside "error"
    net::Headers headers{};
    std::string cause{}; ///< for the log alone

    /// So that `return reject_busy();` refuses, whatever would have been accepted.
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

/// What the authority's refusal to start a turn means to the client. Its own text is not passed on.
/// `replaces`: an earlier turn was to be dropped first.
[[nodiscard]] Rejection reject_start(const Error& error, bool replaces = false);

/// … to do what not every authority can: 501 with `unable` where this one cannot.
[[nodiscard]] Rejection reject_unable(const Error& error, std::string_view unable);
/// Likewise for reading what it keeps.
[[nodiscard]] Rejection reject_read(const Error& error);
/// 404: never was, is gone, or is another owner's.
[[nodiscard]] Rejection reject_unknown_thread();
/// 409: it cannot be made.
[[nodiscard]] Rejection reject_known_thread();
/// The lane's own disk takes nothing more: no conversation is begun that a restart would lose.
[[nodiscard]] Rejection reject_unstored(std::string_view what = "a new conversation");

/// 499: nobody reads the answer.
[[nodiscard]] Rejection reject_left();
/// 409: a turn is under way on this thread.
[[nodiscard]] Rejection reject_busy();
/// 503 and 429: as many turns as may be, of all and of this owner.
[[nodiscard]] Rejection reject_full();
[[nodiscard]] Rejection reject_owner_full();
// Of requests under one Idempotency-Key: 422, 409, 409.
[[nodiscard]] Rejection reject_other_request();
[[nodiscard]] Rejection reject_still_starting();
[[nodiscard]] Rejection reject_answered(std::string_view turn);

[[nodiscard]] net::Response to_response(const Rejection& rejection, std::string_view request_id);

/// A JSON answer with cache-control: no-store.
[[nodiscard]] net::Response json_response(int status, const Json& body);

} // namespace oa_stream::lane
