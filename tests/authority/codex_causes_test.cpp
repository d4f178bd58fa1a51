#include "codex/events/codex_events.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstdint>
#include <ctime>
#include <optional>

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
        Row{R"("usageLimitExceeded")", turn::FailureCause::usage_limit},
        Row{R"({"responseTooManyFailedAttempts":{"httpStatusCode":429}})",
            turn::FailureCause::rate_limited},
        Row{R"({"responseTooManyFailedAttempts":{"httpStatusCode":503}})",
            turn::FailureCause::overloaded},
        Row{R"({"httpConnectionFailed":{"httpStatusCode":401}})", turn::FailureCause::bad_key},
        Row{R"({"httpConnectionFailed":{"httpStatusCode":418}})", turn::FailureCause::other},
        Row{R"("modelNotFound")", turn::FailureCause::unknown_model},
        Row{R"("cyberPolicy")", turn::FailureCause::refused},
        Row{R"({"httpConnectionFailed":{"httpStatusCode":429}})", turn::FailureCause::rate_limited},
        Row{R"({"httpConnectionFailed":{"httpStatusCode":null}})", turn::FailureCause::other},
        Row{R"("serverOverloaded")", turn::FailureCause::overloaded},
        Row{R"("sessionBudgetExceeded")", turn::FailureCause::usage_limit},
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

TEST_CASE("codex errors: a refusal for its content is known by the provider's sentence") {
    // Codex 0.169.0 passes the sentence on and keeps the code (invalid_prompt, content_filter, …).
    constexpr std::array k_sentences{
        "Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please "
        "try again with a different prompt: https://platform.openai.com/docs/guides/reasoning",
        "Your request was rejected as a result of our safety system. If you believe this is an "
        "error, contact us.",
        "The response was filtered due to the prompt triggering Azure OpenAI's content management "
        "policy. Please modify your prompt and retry.",
        "Invalid prompt: we've limited access to this content for safety reasons.",
    };
    for (const std::string sentence : k_sentences) {
        for (const std::string& message :
             {sentence, "stream disconnected before completion: " + sentence}) {
            DYNAMIC_SECTION(message) {
                Json error = Json::object({{"message", message}, {"codexErrorInfo", "other"}});
                const auto transcript = classify_codex_error(error);
                CHECK(transcript.failure.cause == turn::FailureCause::refused);
                CHECK_FALSE(transcript.failure.retryable);
            }
        }
    }
}

TEST_CASE("codex errors: a refused JSON schema is known by the provider's sentence") {
    constexpr std::array k_sentences{
        "Invalid schema for response_format 'response': In context=(), 'required' is required to "
        "be supplied and to be an array including every key in properties. Missing 'note'.",
        "Invalid schema for function 'weather': In context=(), 'additionalProperties' is required "
        "to be supplied and to be false.",
    };
    for (const std::string sentence : k_sentences) {
        Json error = Json::object({{"message", sentence}, {"codexErrorInfo", "other"}});
        const auto transcript = classify_codex_error(error);
        CHECK(transcript.failure.cause == turn::FailureCause::schema_refused);
        CHECK_FALSE(transcript.failure.retryable);
    }
}

TEST_CASE("codex errors: a full context is known by the words of servers without a code") {
    Json error = Json::object({{"message", "This model's maximum context length is 8192 tokens."}});
    error["codexErrorInfo"] = "other";
    const auto transcript = classify_codex_error(error);
    CHECK(transcript.failure.cause == turn::FailureCause::context_length);
    CHECK_FALSE(transcript.failure.retryable);
    error["codexErrorInfo"] = "badRequest";
    CHECK(classify_codex_error(error).failure.cause == turn::FailureCause::other);
}

TEST_CASE("codex errors: the time after which to try again is read from the provider's words") {
    struct Row {
        const char* message;
        std::optional<int> seconds;
    };
    const std::array rows{
        Row{"rate limit exceeded: Please try again in 11.054s.", 12},
        Row{"Limit reached. Try again in 1m30s", 90},
        Row{"Try again in 2 hours 5 minutes.", 7'500},
        Row{"Please try again in 250ms", 1},
        Row{"Try again in 3 days", 259'200},
        Row{"Please try again in a while", std::nullopt},
        Row{"Try again in 5 apples", std::nullopt},
        Row{"Try again in -5s", std::nullopt},
        Row{"Try again in 1e300s", std::nullopt},
        Row{"exceeded retry limit, last status: 429", std::nullopt},
    };
    for (const Row& row : rows) {
        DYNAMIC_SECTION(row.message) {
            const Json error = Json::object({{"message", row.message}});
            CHECK(classify_codex_error(error).failure.retry_after == row.seconds);
        }
    }
}

TEST_CASE("codex errors: the time of day at which to try again is read, too") {
    const auto read = [](std::string_view message) {
        return classify_codex_error(Json::object({{"message", message}})).failure.again_at;
    };
    CHECK(read("You've hit your usage limit. Try again at 5:45 PM.") == "5:45 PM");
    CHECK(
        read("Upgrade to Pro (https://x), or try again at Dec 2nd, 2026 11:05 AM.") ==
        "Dec 2nd, 2026 11:05 AM"
    );
    CHECK(read("Try again at noon.").empty());
    CHECK(read("Try again at 25:45 PM.").empty());
    CHECK(read("Try again at Foo 2nd, 2026 5:45 PM.").empty());
    CHECK(read("Try again at https://x PM.").empty());
    CHECK(read("Try again at ,").empty());
    CHECK(read("Try again in 5s").empty());

    std::tm noon{}; // here, of 28 November 2026
    noon.tm_year = 126;
    noon.tm_mon = 10;
    noon.tm_mday = 28;
    noon.tm_hour = 12;
    noon.tm_isdst = -1;
    const std::int64_t now = std::mktime(&noon);
    using authority::seconds_until;
    CHECK(seconds_until("5:45 PM", now) == 5 * 3'600 + 46 * 60); // the minute is over then
    CHECK(seconds_until("12:00 PM", now) == 60);
    CHECK(seconds_until("Nov 29th, 2026 1:00 PM", now) == 25 * 3'600 + 60);
    CHECK_FALSE(seconds_until("11:58 AM", now));
    CHECK_FALSE(seconds_until("", now));
    CHECK_FALSE(seconds_until("soon", now));
}

TEST_CASE("codex errors: which may be tried again") {
    struct Row {
        const char* error;
        bool retryable;
        const char* kind;
    };
    constexpr std::array k_rows{
        Row{R"({"message":"{\"error\":1}","codexErrorInfo":"other"})", false, "other"},
        Row{R"({"message":"","codexErrorInfo":"contextWindowExceeded"})",
            false,
            "contextWindowExceeded"},
        Row{R"({"message":"x","codexErrorInfo":"serverOverloaded"})", true, "serverOverloaded"},
        Row{R"({"message":"x","codexErrorInfo":"internalServerError"})", true, "internalServerError"
        },
        Row{R"({"message":"x","codexErrorInfo":"rateLimitExceeded"})", true, "rateLimitExceeded"},
        Row{R"({"message":"x","codexErrorInfo":"usageLimitExceeded"})", false, "usageLimitExceeded"
        },
        Row{R"({"message":"x","codexErrorInfo":{"httpConnectionFailed":{"httpStatusCode":401}}})",
            false,
            "httpConnectionFailed"},
        Row{R"({"message":"x","codexErrorInfo":{"httpConnectionFailed":{"httpStatusCode":503}}})",
            true,
            "httpConnectionFailed"},
        Row{R"({"message":"x","codexErrorInfo":{"httpConnectionFailed":{"httpStatusCode":501}}})",
            false,
            "httpConnectionFailed"},
        Row{R"({"message":"x","codexErrorInfo":{"httpConnectionFailed":{"httpStatusCode":null}}})",
            true,
            "httpConnectionFailed"},
        Row{R"({"message":"x","codexErrorInfo":{"responseTooManyFailedAttempts":{"httpStatusCode":429}}})",
            true,
            "responseTooManyFailedAttempts"},
        Row{R"({"message":"stream disconnected before completion: error sending request","codexErrorInfo":"other"})",
            true,
            "other"},
        Row{R"({"message":"Missing environment variable: `X`.","codexErrorInfo":"other"})",
            false,
            "other"},
        Row{R"({"message":"x","codexErrorInfo":"somethingNew"})", false, "somethingNew"},
        Row{R"({"message":"x","codexErrorInfo":{"somethingNew":{"httpStatusCode":503}}})",
            false,
            "somethingNew"},
        Row{R"({"message":"x","codexErrorInfo":[1]})", false, "other"},
        Row{R"({})", false, "other"},
        Row{"null", false, "other"},
    };
    for (const Row& row : k_rows) {
        DYNAMIC_SECTION(row.error) {
            const auto failure = classify_codex_error(Json::parse(row.error));
            CHECK(failure.failure.retryable == row.retryable);
            CHECK(failure.kind == row.kind);
            CHECK(failure.failure.code == turn::FailureCode::turn_failed);
            CHECK_FALSE(failure.truncated);
            CHECK_FALSE(failure.filtered);
        }
    }
    CHECK(classify_codex_error(Json::parse(k_rows[6].error)).http_status == 401);
    CHECK_FALSE(classify_codex_error(Json::parse(k_rows[9].error)).http_status.has_value());
}
