#include "oa_stream/base/file.hpp"

#include "gates/compat.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;
using namespace oa_stream::lane;

namespace {

struct Row {
    const char* name;
    Handshake handshake;
    std::string_view required; ///< code, or "" for accepted
    std::string_view optional;
};

CompatWindow bounded() {
    CompatWindow window;
    window.min_client_build_id = "20260221T120000Z";
    window.max_client_build_id = "20260221T180000Z";
    window.min_schema_version = 1;
    window.max_schema_version = 2;
    return window;
}

std::string word(std::optional<CompatCode> code) {
    return std::string(code ? to_string(*code) : "");
}

constexpr std::string_view k_good = "20260221T130000Z";
constexpr std::string_view k_protocol = "openagents.control.v1";

} // namespace

TEST_CASE("compat: the first failing check names the code") {
    static const std::array k_rows{
        Row{"all good", {k_good, k_protocol, "1"}, "", ""},
        Row{"values are trimmed", {" 20260221T130000Z ", " openagents.control.v1", "\t2 "}, "", ""},
        Row{"no headers at all", {}, "invalid_client_build", ""},
        Row{"lower bound is inclusive", {"20260221T120000Z", k_protocol, "1"}, "", ""},
        Row{"upper bound is inclusive", {"20260221T180000Z", k_protocol, "2"}, "", ""},
        Row{"blank build comes first",
            {"  ", "other", "9"},
            "invalid_client_build",
            "invalid_client_build"},
        Row{"protocol before schema",
            {k_good, "other", "9"},
            "unsupported_protocol_version",
            "unsupported_protocol_version"},
        Row{"protocol is compared whole",
            {k_good, "openagents.control.v1.1", "1"},
            "unsupported_protocol_version",
            "unsupported_protocol_version"},
        Row{"schema before build bounds",
            {"20200101T000000Z", k_protocol, "9"},
            "unsupported_schema_version",
            "unsupported_schema_version"},
        Row{"schema is not a number",
            {k_good, k_protocol, "one"},
            "unsupported_schema_version",
            "unsupported_schema_version"},
        Row{"schema is negative",
            {k_good, k_protocol, "-1"},
            "unsupported_schema_version",
            "unsupported_schema_version"},
        Row{"schema beyond 64 bits",
            {k_good, k_protocol, "18446744073709551617"},
            "unsupported_schema_version",
            "unsupported_schema_version"},
        Row{"build below the window",
            {"20260221T110000Z", k_protocol, "1"},
            "upgrade_required",
            "upgrade_required"},
        Row{"build above the window",
            {"20260221T190000Z", k_protocol, "1"},
            "unsupported_client_build",
            "unsupported_client_build"},
        Row{"build alone", {k_good, {}, {}}, "unsupported_protocol_version", ""},
        Row{"old build alone",
            {"20200101T000000Z", {}, {}},
            "unsupported_protocol_version",
            "upgrade_required"},
        Row{"wrong protocol alone",
            {{}, "other", {}},
            "invalid_client_build",
            "unsupported_protocol_version"},
        Row{"schema missing", {k_good, k_protocol, {}}, "unsupported_schema_version", ""},
    };
    const auto row = GENERATE(from_range(k_rows));
    DYNAMIC_SECTION(row.name) {
        CHECK(word(negotiate(bounded(), CompatMode::required, row.handshake)) == row.required);
        CHECK(word(negotiate(bounded(), CompatMode::optional, row.handshake)) == row.optional);
    }
}

TEST_CASE("compat: without an upper bound no build is too new") {
    const Handshake far{"99991231T235959Z", k_protocol, "1"};
    CHECK_FALSE(negotiate(CompatWindow{}, CompatMode::required, far).has_value());
}

TEST_CASE("compat: a missing schema passes when the range begins at 0") {
    auto window = bounded();
    window.min_schema_version = 0;
    const Handshake handshake{k_good, k_protocol, {}};
    CHECK_FALSE(negotiate(window, CompatMode::required, handshake).has_value());
}

TEST_CASE("compat: the published negotiation fixture") {
    const auto text =
        read_file(OA_SOURCE_DIR "/tests/lane/data/compatibility-negotiation-v1.json").value();
    const auto fixture = parse_json(text).value();
    const auto window = parse_compat_policy(dump_json(fixture.at("window")), "fixture").value();
    REQUIRE(fixture.at("scenarios").size() == 5);
    for (const auto& scenario : fixture.at("scenarios")) {
        const auto name = scenario.at("name").get<std::string>();
        DYNAMIC_SECTION(name) {
            const auto& request = scenario.at("request");
            const auto build = request.at("client_build_id").get<std::string>();
            const auto protocol = request.at("protocol_version").get<std::string>();
            const auto schema = request.at("schema_version").dump();
            const auto got = negotiate(window, CompatMode::required, {build, protocol, schema});
            CHECK(got.has_value() != scenario.at("result").at("accepted").get<bool>());
            CHECK(word(got) == scenario.at("result").value("code", ""));
        }
    }
}

TEST_CASE("compat: the answer is 426 with the window in headers and body") {
    const auto response =
        to_response(reject_compat(bounded(), CompatCode::upgrade_required), "req-1");
    CHECK(response.status == 426);
    CHECK(response.headers.get("cache-control") == "no-store");
    CHECK(response.headers.get("x-oa-compatibility-code") == "upgrade_required");
    CHECK(response.headers.get("x-oa-compatibility-upgrade-required") == "true");
    const auto body = parse_json(response.body).value();
    CHECK(body.at("error").at("code") == "upgrade_required");
    CHECK(body.at("message") == body.at("error").at("message"));
    const auto& compatibility = body.at("compatibility");
    CHECK(compatibility.at("code") == "upgrade_required");
    CHECK(compatibility.at("message") == body.at("message"));
    CHECK(compatibility.at("retryable") == false);
    CHECK(compatibility.at("upgrade_required") == true);
    CHECK(compatibility.at("surface") == "control_api");
    CHECK(compatibility.at("min_client_build_id") == "20260221T120000Z");
    CHECK(compatibility.at("max_client_build_id") == "20260221T180000Z");
    CHECK(compatibility.at("min_schema_version") == 1);
    CHECK(compatibility.at("max_schema_version") == 2);
    CHECK(compatibility.at("protocol_version") == "openagents.control.v1");
}

TEST_CASE("compat: the window travels as headers, the upper bound only when there is one") {
    net::Headers headers;
    add_window_headers(CompatWindow{}, headers);
    CHECK(headers.get("x-oa-protocol-version") == "openagents.control.v1");
    CHECK(headers.get("x-oa-compatibility-protocol-version") == "openagents.control.v1");
    CHECK(headers.get("x-oa-compatibility-min-client-build-id") == "00000000T000000Z");
    CHECK(headers.get("x-oa-compatibility-min-schema-version") == "1");
    CHECK(headers.get("x-oa-compatibility-max-schema-version") == "1");
    CHECK_FALSE(headers.has("x-oa-compatibility-max-client-build-id"));
    add_window_headers(bounded(), headers);
    CHECK(headers.get("x-oa-compatibility-max-client-build-id") == "20260221T180000Z");
}

TEST_CASE("compat policy: bad files are refused, naming file and member") {
    struct Policy {
        const char* name;
        std::string_view text;
        std::string_view says;
    };
    static const std::array k_rows{
        Policy{"no JSON", "min: 1", "policy.json"},
        Policy{"an array", "[]", "one JSON object"},
        Policy{
            "misspelt member", R"({"min_schema_versoin":1})", "did you mean min_schema_version?"
        },
        Policy{"number as text", R"({"min_schema_version":"1"})", "min_schema_version"},
        Policy{"negative number", R"({"max_schema_version":-1})", "max_schema_version"},
        Policy{"blank protocol", R"({"protocol_version":" "})", "protocol_version"},
        Policy{
            "schema range upside down",
            R"({"min_schema_version":3,"max_schema_version":2})",
            "max_schema_version is below"
        },
        Policy{
            "build range upside down",
            R"({"min_client_build_id":"B","max_client_build_id":"A"})",
            "max_client_build_id is below"
        },
    };
    const auto row = GENERATE(from_range(k_rows));
    DYNAMIC_SECTION(row.name) {
        const auto window = parse_compat_policy(row.text, "policy.json");
        REQUIRE_FALSE(window.has_value());
        CHECK(window.error().text().find(row.says) != std::string::npos);
        CHECK(window.error().where == "policy.json");
    }
}

TEST_CASE("compat policy: members left out keep their defaults, null means no upper bound") {
    const auto window =
        parse_compat_policy(R"({"min_schema_version":3,"max_client_build_id":null})", "p").value();
    CHECK(window.protocol_version == "openagents.control.v1");
    CHECK(window.min_schema_version == 3);
    CHECK(window.max_schema_version == 3);
    CHECK_FALSE(window.max_client_build_id.has_value());
}

TEST_CASE("lane mode: each word is its mode, with the white space of a file around it") {
    for (const LaneMode mode : {LaneMode::on, LaneMode::retired, LaneMode::off}) {
        CAPTURE(to_string(mode));
        CHECK(parse_lane_mode(to_string(mode)).value() == mode);
    }
    CHECK(to_string(LaneMode::on) == "on");
    CHECK(to_string(LaneMode::retired) == "retired");
    CHECK(to_string(LaneMode::off) == "off");
    CHECK(parse_lane_mode(" retired\n").value() == LaneMode::retired);
    const auto wrong = parse_lane_mode("Off");
    REQUIRE_FALSE(wrong.has_value());
    CHECK(wrong.error().code == Code::config);
    CHECK(wrong.error().message == "no lane mode 'Off'");
    CHECK(wrong.error().hint == "on, retired or off");
}

TEST_CASE("lane settings: what a request may choose, each word for itself") {
    CHECK(parse_allowed("").error().code == Code::usage);
    const auto one = parse_allowed("system").value();
    CHECK((one.system && !one.model && !one.effort));
    const auto all = parse_allowed("model, effort,system").value();
    CHECK((all.model && all.system && all.effort));
    const auto tools = parse_allowed("model,tools").value();
    CHECK((tools.model && tools.tools && !all.tools));
    CHECK(
        parse_allowed("model,files").error().message ==
        "a request has no 'files' that could be allowed"
    );
}
