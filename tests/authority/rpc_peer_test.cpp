#include "codex/codex_answers.hpp"
#include "codex/process/line_splitter.hpp"
#include "codex/process/rpc_peer.hpp"
#include "harness.hpp"

using namespace oa_test;

namespace {

/// A peer whose other side is this test.
struct Wire {
    Wire() {
        peer = std::make_shared<RpcPeer>(
            io.get_executor(),
            RpcHandlers{
                .send = [this](std::string line) { sent.push_back(must(parse_json(line))); },
                .notification =
                    [this](std::string_view method, const Json&) {
                        transcript.emplace_back(method);
                    },
                .request = [this](std::string_view method, const Json& params, const Json&)
                    -> std::optional<Json> {
                    asked.emplace_back(method);
                    if (later) {
                        return std::nullopt;
                    }
                    return answer_server_request(method, params).body;
                },
                .nonsense = [this](std::string_view line) { nonsense.emplace_back(line); },
            }
        );
    }
    asio::io_context io{};
    std::shared_ptr<RpcPeer> peer;
    std::vector<Json> sent{};
    std::vector<std::string> transcript{}, asked{}, nonsense{};
    bool later = false; ///< requests are left open
};

std::string outcome_text(const RpcOutcome& outcome) {
    if (const auto* json = std::get_if<Json>(&outcome)) {
        return dump_json(*json);
    }
    if (const auto* refusal = std::get_if<Refusal>(&outcome)) {
        return fmt::format("{} {}", refusal->code, refusal->message);
    }
    return std::string(to_string(std::get<Error>(outcome).code));
}

} // namespace

TEST_CASE("rpc: a request has a rising id, its method and its parameters, and no jsonrpc member") {
    Wire wire;
    auto first = wire.peer->call("one", Json::object({{"a", 1}}), Millis(10));
    auto second = wire.peer->call("two", Json::object(), Millis(10), "00-trace-01");
    REQUIRE(wire.sent.size() == 2);
    CHECK(dump_json(wire.sent[0]) == R"({"method":"one","id":1,"params":{"a":1}})");
    CHECK(
        dump_json(wire.sent[1]) ==
        R"({"method":"two","id":2,"params":{},"trace":{"traceparent":"00-trace-01"}})"
    );
    CHECK(outcome_text(run(wire.io, std::move(first))) == "timeout");
    CHECK(outcome_text(run(wire.io, std::move(second))) == "timeout");
    CHECK(wire.peer->timeouts() == 2);
    CHECK(wire.peer->waiting() == 0);
}

TEST_CASE("rpc: replies find their requests in any order") {
    Wire wire;
    auto first = wire.peer->call("one", Json::object(), Millis(5'000));
    auto second = wire.peer->call("two", Json::object(), Millis(5'000));
    auto third = wire.peer->call("three", Json::object(), Millis(5'000));
    wire.peer->on_line(R"({"error":{"code":-32600,"message":"no"},"id":3})");
    wire.peer->on_line(R"({"id":2,"result":{"n":2}})");
    wire.peer->on_line(R"({"id":2,"result":{"n":"again"}})");
    wire.peer->on_line(R"({"id":1,"result":{"n":1}})");
    CHECK(outcome_text(run(wire.io, std::move(first))) == R"({"n":1})");
    CHECK(outcome_text(run(wire.io, std::move(second))) == R"({"n":2})");
    CHECK(outcome_text(run(wire.io, std::move(third))) == "-32600 no");
}

TEST_CASE("rpc: a reply without result or error is an error, one to nobody is ignored") {
    Wire wire;
    auto call = wire.peer->call("one", Json::object(), Millis(5'000));
    wire.peer->on_line(R"({"id":77,"result":{}})");
    wire.peer->on_line(R"({"id":"1","result":{}})");
    wire.peer->on_line(R"({"id":1})");
    CHECK(outcome_text(run(wire.io, std::move(call))) == "protocol");
    CHECK(wire.nonsense.empty());
}

TEST_CASE("rpc: server requests are told from replies by their method, id 0 and texts included") {
    Wire wire;
    auto call = wire.peer->call("one", Json::object(), Millis(5'000));
    wire.peer->on_line(R"({"method":"item/fileChange/requestApproval","id":1,"params":{}})");
    wire.peer->on_line(R"({"method":"item/commandExecution/requestApproval","id":0,"params":{}})");
    wire.peer->on_line(R"({"method":"future/thing","id":"x"})");
    wire.peer->on_line(R"({"id":1,"result":"mine"})");
    CHECK(outcome_text(run(wire.io, std::move(call))) == R"("mine")");
    REQUIRE(wire.sent.size() == 4);
    CHECK(dump_json(wire.sent[1]) == R"({"result":{"decision":"decline"},"id":1})");
    CHECK(dump_json(wire.sent[2]) == R"({"result":{"decision":"decline"},"id":0})");
    CHECK(
        dump_json(wire.sent[3]) ==
        R"({"error":{"code":-32601,"message":"unknown method"},"id":"x"})"
    );
}

TEST_CASE("rpc: a server request may be answered later, under its own id") {
    Wire wire;
    wire.later = true;
    wire.peer->on_line(R"({"method":"item/commandExecution/requestApproval","id":0,"params":{}})");
    wire.peer->on_line(R"({"method":"item/fileChange/requestApproval","id":"x","params":{}})");
    CHECK(wire.sent.empty());
    wire.peer->answer(Json("x"), Json::object({{"result", 2}}));
    wire.peer->answer(Json(0), Json::object({{"result", 1}}));
    REQUIRE(wire.sent.size() == 2);
    CHECK(dump_json(wire.sent[0]) == R"({"result":2,"id":"x"})");
    CHECK(dump_json(wire.sent[1]) == R"({"result":1,"id":0})");
    wire.peer->fail_all(Error{.code = Code::unavailable, .message = "gone"});
    wire.peer->answer(Json(0), Json::object({{"result", 1}}));
    CHECK(wire.sent.size() == 2);
}

TEST_CASE("rpc: every kind of nonsense is counted and stops nothing") {
    const auto line = GENERATE(
        as<std::string>{}, "", "x", "[]", "null", "{}", "12", "{\"id\":", "\xff\xfe", "{\"a\":1}"
    );
    Wire wire;
    wire.peer->on_line(line);
    CHECK(wire.nonsense.size() == 1);
    wire.peer->on_line(R"({"method":"turn/started","params":{}})");
    CHECK(wire.transcript == std::vector<std::string>{"turn/started"});
}

TEST_CASE("rpc: of nonsense its length and its fault are told, never what it says") {
    Wire wire;
    wire.peer->on_line(R"({"text":")" + std::string(1000, 'x'));
    wire.peer->on_line(R"({"text":"secret"})");
    REQUIRE(wire.nonsense.size() == 2);
    CHECK(wire.nonsense[0].starts_with("1009 bytes, "));
    CHECK(wire.nonsense[0].find("xxx") == std::string::npos);
    CHECK(wire.nonsense[1] == "17 bytes, neither method nor id");
}

TEST_CASE("rpc: when the connection fails every call ends, waiting or new") {
    Wire wire;
    auto waiting = wire.peer->call("one", Json::object(), Millis(60'000));
    wire.peer->fail_all(Error{.code = Code::unavailable, .message = "gone"});
    CHECK(outcome_text(run(wire.io, std::move(waiting))) == "unavailable");
    const std::size_t sent = wire.sent.size();
    CHECK(
        outcome_text(run(wire.io, wire.peer->call("two", Json::object(), Millis(1)))) ==
        "unavailable"
    );
    CHECK(wire.sent.size() == sent);
}

TEST_CASE("rpc: no JSON is nonsense, however deep it is and whatever its numbers") {
    Wire wire;
    const auto nested = [](int depth) {
        return R"({"method":"m","params":)" + std::string(static_cast<std::size_t>(depth), '[') +
               std::string(static_cast<std::size_t>(depth), ']') + "}";
    };
    wire.peer->on_line(nested(200));
    wire.peer->on_line(nested(100'000));
    wire.peer->on_line(R"({"method":"m","params":{"y":1e+400}})");
    CHECK(wire.transcript.size() == 3);
    CHECK(wire.nonsense.empty());
    wire.peer->on_line(R"({"method":"m","params":{"y":1e+400})");
    CHECK(wire.nonsense.size() == 1);
}

TEST_CASE("lines: only 0x0A ends one, however the bytes are cut") {
    const std::string bytes = "one\xE2\x80\xA8still\n\ntwo\r\nthree";
    for (std::size_t cut = 1; cut <= bytes.size(); ++cut) {
        LineSplitter lines(100);
        std::vector<std::string> got;
        for (std::size_t at = 0; at < bytes.size(); at += cut) {
            lines.feed(
                std::string_view(bytes).substr(at, cut),
                [&](std::string_view line) { got.emplace_back(line); },
                [](std::string_view) { FAIL("no line is too long"); }
            );
        }
        CHECK(got == std::vector<std::string>{"one\xE2\x80\xA8still", "", "two\r"});
        CHECK(lines.rest() == "three");
    }
}

TEST_CASE("lines: of one that outgrows the limit its beginning is told, the rest is dropped") {
    const std::string bytes = "1234567890\nabcdefghijKLMNOPQRSTUVW\nnext\n";
    for (std::size_t cut = 1; cut <= bytes.size(); ++cut) {
        CAPTURE(cut);
        LineSplitter lines(10);
        std::vector<std::string> got;
        for (std::size_t at = 0; at < bytes.size(); at += cut) {
            lines.feed(
                std::string_view(bytes).substr(at, cut),
                [&](std::string_view line) { got.emplace_back(line); },
                [&](std::string_view begin) { got.push_back("too long: " + std::string(begin)); }
            );
        }
        CHECK(got == std::vector<std::string>{"1234567890", "too long: abcdefghij", "next"});
        CHECK(lines.rest().empty());
    }
}

TEST_CASE("rpc: a reply that is too long fails its own call, anything else nobody's") {
    Wire wire;
    auto first = wire.peer->call("one", Json::object(), Millis(5'000));
    auto second = wire.peer->call("two", Json::object(), Millis(5'000));
    CHECK_FALSE(wire.peer->on_overlong(R"({"method":"item/completed","params":{"id":1)"));
    CHECK_FALSE(wire.peer->on_overlong(R"({"id":1,"method":"x","params":{)"));
    CHECK_FALSE(wire.peer->on_overlong(R"({"id":1)"));
    CHECK(wire.peer->on_overlong(R"({"id":77,"result":{"data":[)")); // its deadline has passed
    CHECK(wire.peer->on_overlong(R"({"id":1,"result":{"data":[)"));
    wire.peer->on_line(R"({"id":2,"result":{"n":2}})");
    CHECK(outcome_text(run(wire.io, std::move(first))) == "too_large");
    CHECK(outcome_text(run(wire.io, std::move(second))) == R"({"n":2})");
}
