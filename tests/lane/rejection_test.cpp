#include "gates/rejection.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;
using namespace oa_stream::lane;

TEST_CASE("error envelope: message, code and request id, in JSON that is never cached") {
    const auto response = to_response(reject(404, "not_found", "no such route"), "req-7");
    CHECK(response.status == 404);
    CHECK(response.headers.get("content-type") == "application/json");
    CHECK(response.headers.get("cache-control") == "no-store");
    CHECK(
        response.body ==
        R"({"message":"no such route","error":{"code":"not_found","message":"no such route",)"
        R"("requestId":"req-7"}})"
    );
}

TEST_CASE("error envelope: validation errors list their field") {
    const auto response = to_response(invalid_field("messages", "send some"), "r");
    CHECK(response.status == 422);
    const auto body = parse_json(response.body).value();
    CHECK(body.at("error").at("code") == "invalid_request");
    CHECK(body.at("errors") == Json{{"messages", Json::array({"send some"})}});
}

TEST_CASE("error envelope: retry-after stands in header and body") {
    const auto response = to_response(with_retry_after(reject(409, "c", "m"), 2), "r");
    CHECK(response.headers.get("retry-after") == "2");
    CHECK(parse_json(response.body).value().at("error").at("retryAfter") == 2);
}

TEST_CASE("error envelope: text that is no UTF-8 cannot break it") {
    const auto response = to_response(reject(422, "x", "bad \xff byte"), "r");
    CHECK(parse_json(response.body).has_value());
}

TEST_CASE("start refused: a replacement that is not possible says so") {
    CHECK(
        reject_start(Error{Code::precondition, "m", "", ""}, true).code == "regenerate_unsupported"
    );
}

TEST_CASE("start refused: a message that is too long says how long it may be, where that is known"
) {
    const auto at = [](const char* where) {
        return reject_start(Error{Code::too_large, "m", where, ""}).fields.at(0).second;
    };
    CHECK(at("most_characters:20000").contains("at most 20000 characters in a message"));
    CHECK(at("").ends_with("so much input: send a shorter message"));
}

TEST_CASE("start refused: each kind has a status, and the authority's text never leaves") {
    struct Row {
        Code code;
        int status;
        std::string_view word;
        const char* where = "";
    };
    static const std::array k_rows{
        Row{Code::unavailable, 503, "authority_unavailable"},
        Row{Code::network, 503, "authority_unavailable"},
        Row{Code::internal, 503, "authority_unavailable"},
        Row{Code::timeout, 504, "authority_timeout"},
        Row{Code::protocol, 502, "codex_error"},
        Row{Code::not_found, 404, "not_found"},
        Row{Code::conflict, 409, "turn_in_progress"},
        Row{Code::precondition, 422, "invalid_request"},
        Row{Code::credentials, 503, "authority_unavailable"},
        Row{Code::credentials, 401, "unauthorized", "client"},
        Row{Code::unavailable, 429, "rate_limited", "rate_limited"},
    };
    const auto row = GENERATE(from_range(k_rows));
    DYNAMIC_SECTION(to_string(row.code) << row.where) {
        const auto rejection =
            reject_start(Error{row.code, "key sk-secret at http://host", row.where, ""});
        CHECK(rejection.status == row.status);
        CHECK(rejection.code == row.word);
        CHECK(to_response(rejection, "r").body.find("sk-secret") == std::string::npos);
        const bool later = row.status == 503 || row.status == 409 || row.status == 429;
        CHECK(rejection.headers.has("retry-after") == later);
    }
}
