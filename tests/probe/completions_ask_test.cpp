// One chat completion or response: what is read of its events, its counts and its times.
#include "stream/completions_ask.hpp"
#include "support/raw_server.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;
using namespace oa_stream::probe;
using namespace oa_stream::probe::test;

namespace {

Completion ask(OpenAiApi api, bool streamed, Script script) {
    LoopRig loop;
    RawServer server(loop.executor(), [&](const RawRequest&) { return script; });
    const auto client = net::HttpClient::make(loop.executor());
    Target target;
    target.base_url = server.url();
    return loop.run(ask_completion(
        client.get(), target, Json::object({{"stream", streamed}}), ProbeLimits{}, api
    ));
}

std::string response_with(std::string_view usage) {
    return fmt::format(
        R"({{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"m",)"
        R"("output":[{{"type":"message","id":"msg_1","role":"assistant","status":"completed",)"
        R"("content":[{{"type":"output_text","text":"pong","annotations":[]}}]}}],"usage":{}}})",
        usage
    );
}

std::string event(std::string_view type, std::string_view more) {
    return fmt::format("event: {0}\ndata: {{\"type\":\"{0}\",{1}}}\n\n", type, more);
}

} // namespace

TEST_CASE("completion: counts of a response are read with their details, and without any") {
    struct Row {
        std::string_view usage;
        std::int64_t cached, reasoning;
    };
    static constexpr std::array k_rows{
        Row{R"({"input_tokens":9,"output_tokens":4})", 0, 0},
        Row{R"({"input_tokens":9,"input_tokens_details":{"cached_tokens":5},"output_tokens":4})",
            5,
            0},
        Row{R"({"input_tokens":9,"output_tokens":4,"output_tokens_details":{"reasoning_tokens":3}})",
            0,
            3},
    };
    for (const Row& row : k_rows) {
        CAPTURE(row.usage);
        const auto answer =
            ask(OpenAiApi::responses, false, {Send{json_answer(200, response_with(row.usage))}});
        CHECK(answer.text == "pong");
        CHECK(answer.usage);
        CHECK(answer.input == 9);
        CHECK(answer.output == 4);
        CHECK(answer.cached == row.cached);
        CHECK(answer.reasoning == row.reasoning);
    }
}

TEST_CASE("completion: the final event of a streamed response has its counts, no delta has") {
    const std::string whole = response_with(R"({"input_tokens":9,"output_tokens":4})");
    const std::string body =
        event("response.created", R"("response":{"id":"resp_1","status":"in_progress"})") +
        event("response.in_progress", R"("response":{"id":"resp_1","status":"in_progress"})") +
        event("response.content_part.added", R"("item_id":"msg_1")") +
        event("response.output_text.delta", R"("item_id":"msg_1","delta":"po")") +
        event("response.output_text.delta", R"("item_id":"msg_1","delta":"ng")") +
        event("response.completed", R"("response":)" + whole);
    const auto answer = ask(OpenAiApi::responses, true, {Send{whole_stream(body, {})}});
    CHECK(answer.order == "RCF");
    CHECK(answer.text == "pong");
    CHECK(answer.finish == "completed");
    CHECK(answer.input == 9);
}

TEST_CASE("completion: a body that ends long after its last frame is wrong") {
    struct Row {
        OpenAiApi api;
        Millis wait;
        bool late;
    };
    const Row row = GENERATE(
        Row{OpenAiApi::completions, Millis(0), false},
        Row{OpenAiApi::completions, Millis(1800), true},
        Row{OpenAiApi::responses, Millis(1800), true}
    );
    const auto piece = [](std::string_view choice) {
        return fmt::format(
            R"(data: {{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,)"
            R"("model":"m","choices":[{{"index":0,{}}}]}})"
            "\n\n",
            choice
        );
    };
    const std::string completion =
        piece(R"("delta":{"role":"assistant","content":""},"finish_reason":null)") +
        piece(R"("delta":{"content":"pong"},"finish_reason":null)") +
        piece(R"("delta":{},"finish_reason":"stop")") + "data: [DONE]\n\n";
    const auto response_of = [](int number, std::string_view status) {
        return fmt::format(
            R"("sequence_number":{},"response":{{"id":"resp_1","object":"response","created_at":1,)"
            R"("status":"{}","model":"m","output":[],"error":null,"incomplete_details":null,)"
            R"("instructions":null,"metadata":{{}},"tools":[],"tool_choice":"auto",)"
            R"("parallel_tool_calls":true,"usage":null}})",
            number,
            status
        );
    };
    const std::string response = event("response.created", response_of(0, "in_progress")) +
                                 event("response.in_progress", response_of(1, "in_progress")) +
                                 event("response.completed", response_of(2, "completed"));
    const bool chat = row.api == OpenAiApi::completions;
    const auto answer =
        ask(row.api,
            true,
            {Send{
                 stream_head({"x-should-retry: false", "x-conc-limit: 1", "x-conc-active: 1"}) +
                 chunk(chat ? completion : response)
             },
             Wait{row.wait},
             Send{last_chunk()}});
    CAPTURE(chat, answer.tail_s, answer.wrong());
    CHECK(answer.done);
    CHECK((answer.tail_s > 1) == row.late);
    CHECK(answer.wrong().contains("s after the last frame, and clients wait") == row.late);
    CHECK(answer.wrong().empty() != row.late);
}

TEST_CASE("completion: the first byte has its own time, before the first event and the rest") {
    const std::string first =
        "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\","
        "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_"
        "reason\":null}]}\n\n";
    const auto answer =
        ask(OpenAiApi::completions,
            true,
            {Send{stream_head() + chunk(first.substr(0, 10))},
             Wait{Millis(30)},
             Send{chunk(first.substr(10))},
             Wait{Millis(30)},
             Send{chunk("data: [DONE]\n\n") + last_chunk()}});
    REQUIRE(answer.clocks.first_byte.has_value());
    REQUIRE(answer.clocks.first_event.has_value());
    CHECK(*answer.clocks.first_byte >= *answer.clocks.headers);
    CHECK(*answer.clocks.first_event - *answer.clocks.first_byte >= 0.025);
    CHECK(*answer.clocks.end - *answer.clocks.first_event >= 0.025);
}
