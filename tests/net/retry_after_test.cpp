#include "oa_stream/net/retry_after.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::net;

TEST_CASE("retry-after: seconds or a date of HTTP, anything else asks for nothing") {
    const auto now = *parse_http_date("Fri, 20 Nov 2026 14:22:30 GMT");
    struct Row {
        std::string field;
        std::optional<Millis> want;
    };
    const std::vector<Row> rows{
        {"0", Millis(0)},
        {"120", Millis(120000)},
        {" 7 ", Millis(7000)},
        {"Fri, 20 Nov 2026 14:22:34 GMT", Millis(4000)},
        {"Fri, 20 Nov 2026 14:22:00 GMT", Millis(0)},
        {"Sat, 20 Nov 2100 14:22:00 GMT", Millis(86400000)},
        {"", std::nullopt},
        {"-1", std::nullopt},
        {"1.5", std::nullopt},
        {"999999999", std::nullopt},
        {"soon", std::nullopt},
        {"Fri, 32 Nov 2026 14:22:34 GMT", std::nullopt},
        {"Fri, 20 Nov 2026 25:22:34 GMT", std::nullopt},
        {"Fri, 20 Nov 2026 14:22:34 CET", std::nullopt},
        {"Fri, 20 Nix 2026 14:22:34 GMT", std::nullopt},
    };
    for (const Row& row : rows) {
        CAPTURE(row.field);
        CHECK((retry_after({{"Retry-After", row.field}}, now) == row.want));
    }
    CHECK_FALSE(retry_after({}, now).has_value());
}

TEST_CASE("retry-after: a date is seen against the server's own clock") {
    const auto ours = *parse_http_date("Fri, 20 Nov 2026 09:00:00 GMT");
    const Headers headers{
        {"date", "Fri, 20 Nov 2026 14:22:30 GMT"}, {"retry-after", "Fri, 20 Nov 2026 14:22:40 GMT"}
    };
    CHECK(*retry_after(headers, ours) == Millis(10000));
}

TEST_CASE("retry-after: pauses double up to the longest, and a server can only ask for more") {
    RetryPauses pauses(Millis(10), Millis(30));
    CHECK(pauses.next() == Millis(10));
    CHECK(pauses.next(Millis(0)) == Millis(20));
    CHECK(pauses.next(Millis(1000)) == Millis(1000));
    CHECK(pauses.next() == Millis(30));
}

TEST_CASE("retry-after: another try can help what was lost or cannot be answered now") {
    using enum TransferFailure;
    for (const int status : {408, 429, 500, 502, 503, 504, 524}) {
        CAPTURE(status);
        CHECK(may_pass({.status = status}));
    }
    for (const int status : {200, 302, 400, 401, 403, 404, 409, 501, 505}) {
        CAPTURE(status);
        CHECK_FALSE(may_pass({.status = status}));
    }
    for (const auto failure :
         {dns,
          refused,
          connect_timeout,
          first_byte_timeout,
          idle_timeout,
          total_timeout,
          reset,
          truncated}) {
        CAPTURE(to_string(failure));
        CHECK(may_pass({.failure = failure}));
        CHECK(may_pass({.status = 200, .failure = failure}));
    }
    for (const auto failure : {tls, malformed, cancelled, too_large}) {
        CAPTURE(to_string(failure));
        CHECK_FALSE(may_pass({.failure = failure}));
    }
}
