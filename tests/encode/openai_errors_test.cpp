#include "oa_stream/encode/openai_errors.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <optional>

using namespace oa_stream;
using turn::FailureCause;

TEST_CASE("OpenAI errors: 429 and 503 name a pause, the provider's where it states one") {
    struct Row {
        FailureCause cause;
        bool content;
        std::optional<int> stated;
        int status;
        std::optional<int> told;
    };
    const std::array rows{
        Row{FailureCause::rate_limited, false, 7, 429, 7},
        Row{FailureCause::rate_limited, false, {}, 429, 5},
        Row{FailureCause::rate_limited, true, 7, 502, {}},
        Row{FailureCause::overloaded, false, 7, 503, 7},
        Row{FailureCause::overloaded, true, 7, 502, {}},
        Row{FailureCause::drained, true, {}, 503, 5},
        Row{FailureCause::usage_limit, false, 7, 429, 7},
        Row{FailureCause::usage_limit, true, {}, 429, {}},
        Row{FailureCause::context_length, false, 7, 400, {}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.status, row.content, row.stated.value_or(0));
        const auto error = encode::openai_error_of(
            {.code = turn::FailureCode::turn_failed, .cause = row.cause, .retry_after = row.stated},
            row.content
        );
        CHECK(error.status == row.status);
        CHECK(error.retry_after == row.told);
    }
}

TEST_CASE("OpenAI errors: what had no room invites a retry only before its first text") {
    for (const bool content : {false, true}) {
        const auto error =
            encode::openai_error_of({.code = turn::FailureCode::overloaded}, content);
        CHECK(error.status == (content ? 502 : 503));
        CHECK(error.may_retry == !content);
        CHECK(error.retry_after.has_value() == !content);
        CHECK(error.error.code == "overloaded");
    }
}
