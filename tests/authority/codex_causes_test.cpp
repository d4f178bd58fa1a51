#include "codex/events/codex_events.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;
using authority::classify_codex_error;

TEST_CASE("codex errors: a refused rate and a full context are told apart from other failures") {
    struct Row {
        const char* info;
        turn::FailureCause cause;
    };
    constexpr std::array k_rows{
        Row{R"("contextWindowExceeded")", turn::FailureCause::context_length},
        Row{R"("rateLimitExceeded")", turn::FailureCause::rate_limited},
        Row{R"("usageLimitExceeded")", turn::FailureCause::rate_limited},
        Row{R"({"responseTooManyFailedAttempts":{"httpStatusCode":429}})",
            turn::FailureCause::rate_limited},
        Row{R"({"responseTooManyFailedAttempts":{"httpStatusCode":503}})", turn::FailureCause::other
        },
        Row{R"({"httpConnectionFailed":{"httpStatusCode":429}})", turn::FailureCause::rate_limited},
        Row{R"({"httpConnectionFailed":{"httpStatusCode":null}})", turn::FailureCause::other},
        Row{R"("serverOverloaded")", turn::FailureCause::other},
        Row{R"("sessionBudgetExceeded")", turn::FailureCause::other},
        Row{R"("other")", turn::FailureCause::other},
    };
    for (const Row& row : k_rows) {
        DYNAMIC_SECTION(row.info) {
            Json error = Json::object({{"message", "x"}});
            error["codexErrorInfo"] = Json::parse(row.info);
            CHECK(classify_codex_error(error).failure.cause == row.cause);
        }
    }
}
