// A worker's notifications → turn events: both dialects, and workers that post out of order.
#include "worker/events/worker_translator.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace oa_stream;
using namespace oa_stream::authority;

namespace {

struct Teller {
    explicit Teller(WorkerText text = WorkerText::deltas)
        : translator({.thread = "t", .turn = "u", .baseline = turn::Usage{}, .text = text}) {}

    void push(std::string_view method, std::string_view params) {
        translator.push(method, *parse_json(params), events);
    }
    [[nodiscard]] std::string transcript() const {
        std::string out;
        for (const auto& event : events) {
            out += turn::describe(event) + "\n";
        }
        return out;
    }
    [[nodiscard]] std::string text() const {
        std::string out;
        for (const auto& event : events) {
            if (const auto* delta = std::get_if<turn::PartDelta>(&event)) {
                out += delta->text;
            }
        }
        return out;
    }
    [[nodiscard]] const turn::TurnEnded* end() const {
        return events.empty() ? nullptr : std::get_if<turn::TurnEnded>(&events.back());
    }

    WorkerTranslator translator;
    std::vector<turn::Event> events{};
};

} // namespace

TEST_CASE("worker translator: a text in either dialect is the same turn") {
    Teller contract;
    contract.push("turn/started", R"({"thread_id":"t","turn_id":"w"})");
    contract.push("item/started", R"({"item_id":"m","item_kind":"agent_message"})");
    contract.push("item/agentMessage/delta", R"({"item_id":"m","delta":"Hel"})");
    contract.push("item/agentMessage/delta", R"({"item_id":"m","delta":"lo"})");
    contract.push(
        "item/completed", R"({"item_id":"m","item_kind":"agent_message","item":{"text":"Hello!"}})"
    );
    contract.push("turn/completed", R"({"status":"completed"})");
    Teller server;
    server.push("turn/started", R"({"threadId":"t","turn":{"id":"w"}})");
    server.push("item/started", R"({"item":{"type":"agentMessage","id":"m","text":""}})");
    server.push("item/agentMessage/delta", R"({"itemId":"m","delta":"Hel"})");
    server.push("item/agentMessage/delta", R"({"itemId":"m","delta":"lo"})");
    server.push("item/completed", R"({"item":{"type":"agentMessage","id":"m","text":"Hello!"}})");
    server.push("turn/completed", R"({"turn":{"id":"w","status":"completed"}})");
    CHECK(contract.transcript() == server.transcript());
    CHECK(contract.text() == "Hello!");
    REQUIRE(contract.end() != nullptr);
    CHECK(contract.end()->outcome == turn::Outcome::completed);
    CHECK(std::get<turn::TurnStarted>(contract.events.front()).turn == "u");
}

TEST_CASE("worker translator: an item whose text is not told is closed as it was said") {
    Teller teller;
    teller.push(
        "item/reasoning/summaryTextDelta", R"({"item_id":"r","delta":"One.","summary_index":0})"
    );
    teller.push(
        "item/reasoning/summaryTextDelta", R"({"item_id":"r","delta":"Two.","summary_index":1})"
    );
    teller.push("item/completed", R"({"item_id":"r","item_kind":"reasoning"})");
    CHECK(teller.text() == "One.\n\nTwo.");
    CHECK(std::holds_alternative<turn::PartClosed>(teller.events.back()));
    CHECK(teller.translator.text_mismatches() == 0);
}

TEST_CASE("worker translator: a tool of which only deltas are told has them as its output") {
    Teller teller;
    teller.push(
        "item/started",
        R"({"item_id":"c","item_kind":"mcp_tool_call","item":{"tool_name":"web.search","arguments":{"q":1}}})"
    );
    teller.push("item/toolOutput/delta", R"({"item_id":"c","delta":"{\"a\":"})");
    teller.push("item/toolOutput/delta", R"({"item_id":"c","delta":"1}"})");
    teller.push(
        "item/completed", R"({"item_id":"c","item_kind":"mcp_tool_call","item_status":"completed"})"
    );
    const auto* output = std::get_if<turn::ToolOutput>(&teller.events.back());
    REQUIRE(output != nullptr);
    CHECK(output->output == Json{{"output", "{\"a\":1}"}});
    CHECK(std::get<turn::ToolOpened>(teller.events[1]).name == "web_search");
}

TEST_CASE("worker translator: late deltas and a late start of an item change nothing") {
    Teller teller;
    teller.push("item/agentMessage/delta", R"({"item_id":"m","delta":"One "})");
    teller.push("item/started", R"({"item_id":"m","item_kind":"agent_message"})");
    CHECK(teller.translator.items_open());
    teller.push(
        "item/completed", R"({"item_id":"m","item_kind":"agent_message","item":{"text":"One two"}})"
    );
    CHECK_FALSE(teller.translator.items_open());
    teller.push("item/agentMessage/delta", R"({"item_id":"m","delta":"two"})");
    CHECK(teller.text() == "One two");
}

TEST_CASE("worker translator: an item is whole although its start and its deltas come later") {
    for (const auto text : {WorkerText::items, WorkerText::deltas}) {
        Teller teller(text);
        const auto whole = [&](std::string_view said) {
            teller.push(
                "item/completed",
                fmt::format(
                    R"({{"item_id":"m","item_kind":"agent_message","item":{{"text":"{}"}}}})", said
                )
            );
        };
        const auto begins = [&] {
            teller.push("item/started", R"({"item_id":"m","item_kind":"agent_message"})");
        };
        whole("One");
        begins();
        teller.push("item/agentMessage/delta", R"({"item_id":"m","delta":"One"})");
        CHECK_FALSE(teller.translator.items_open());
        begins(); // another one of this id
        CHECK(teller.translator.items_open());
        whole("Two");
        teller.push("turn/completed", R"({"status":"completed"})");
        CHECK(teller.text() == "OneTwo");
    }
}

TEST_CASE("worker translator: text by items is the item's own, whatever order its deltas had") {
    Teller teller(WorkerText::items);
    teller.push("item/agentMessage/delta", R"({"item_id":"m","delta":"two"})");
    teller.push("item/agentMessage/delta", R"({"item_id":"m","delta":"one "})");
    CHECK(teller.text().empty());
    teller.push(
        "item/completed", R"({"item_id":"m","item_kind":"agent_message","item":{"text":"one two"}})"
    );
    CHECK(teller.text() == "one two");
}

TEST_CASE("worker translator: text by items is told in the order in which the items began") {
    const auto message = [](int number, std::string_view text = {}) {
        const auto words = text.empty() ? std::string() : fmt::format(R"(,"text":"{}")", text);
        return fmt::format(R"({{"item":{{"type":"agentMessage","id":"m{}"{}}}}})", number, words);
    };
    const auto begin = [&](Teller& teller, int first, int last) {
        for (int number = first; number <= last; ++number) {
            teller.push("item/started", message(number));
        }
    };
    SECTION("an end overtakes the end of what began before it") {
        Teller teller(WorkerText::items);
        begin(teller, 1, 3);
        teller.push("item/completed", message(3, "three"));
        teller.push("item/completed", message(2, "two "));
        CHECK(teller.text().empty());
        teller.push("item/completed", message(1, "one "));
        CHECK(teller.text() == "one two three");
    }
    SECTION("an end that is lost holds nothing back until the end of the turn") {
        Teller teller(WorkerText::items);
        begin(teller, 1, 4);
        teller.push("item/agentMessage/delta", R"({"itemId":"m1","delta":"one"})");
        teller.push("item/completed", message(2, "two "));
        teller.push("item/completed", message(3, "three "));
        CHECK(teller.text().empty());
        teller.push("item/completed", message(4, "four "));
        CHECK(teller.text() == "two three four ");
        teller.push("turn/completed", R"({"status":"completed"})");
        CHECK(teller.text() == "two three four one");
    }
    SECTION("the turn ends: what was held is told, each in its place") {
        Teller teller(WorkerText::items);
        begin(teller, 1, 2);
        teller.push("item/agentMessage/delta", R"({"itemId":"m1","delta":"one "})");
        teller.push("item/completed", message(2, "two"));
        teller.push("turn/completed", R"({"status":"completed"})");
        CHECK(teller.text() == "one two");
        CHECK(teller.end() != nullptr);
    }
    SECTION("with text by deltas nothing waits") {
        Teller teller;
        begin(teller, 1, 2);
        teller.push("item/completed", message(2, "two "));
        CHECK(teller.text() == "two ");
    }
}

TEST_CASE("worker translator: ends of a turn that only the contract has") {
    const auto ended = [](std::string_view method, std::string_view params) {
        Teller teller;
        teller.push(method, params);
        REQUIRE(teller.end() != nullptr);
        return *teller.end();
    };
    auto end = ended("turn/failed", R"({"message":"sk-secret","will_retry":true})");
    CHECK(end.outcome == turn::Outcome::failed);
    CHECK(end.failure->code == turn::FailureCode::turn_failed);
    CHECK(end.failure->retryable);
    end = ended("turn/aborted", "{}");
    CHECK(end.outcome == turn::Outcome::aborted);
    CHECK(end.failure->code == turn::FailureCode::turn_aborted);
    CHECK(end.failure->retryable); // as the lane's own: docs/errors.md
    CHECK(ended("turn/interrupted", "{}").outcome == turn::Outcome::interrupted);
    end = ended("codex/error", R"({"message":"m","will_retry":false})");
    CHECK(end.failure->code == turn::FailureCode::codex_error);
    CHECK_FALSE(end.failure->retryable);
    Teller mixed; // members of both dialects
    mixed.push("error", R"({"error":{"message":"m"},"will_retry":true})");
    REQUIRE_FALSE(mixed.events.empty());
    CHECK(std::get<turn::Note>(mixed.events.back()).name == "notice");
    Teller retried;
    retried.push("codex/error", R"({"message":"m","will_retry":true})");
    CHECK(retried.end() == nullptr);
    CHECK(std::get<turn::Note>(retried.events.back()).name == "notice");
}

TEST_CASE("worker translator: usage of the turn; all zero means unknown") {
    Teller teller;
    teller.push(
        "turn/completed",
        R"({"status":"completed","token_usage":{"input_tokens":40,"output_tokens":12}})"
    );
    CHECK(teller.end()->usage == turn::Usage{.input = 40, .output = 12});
    Teller zero;
    zero.push(
        "turn/completed",
        R"({"status":"completed","token_usage":{"input_tokens":0,"output_tokens":0}})"
    );
    CHECK_FALSE(zero.end()->usage);
}

TEST_CASE("worker translator: what others spent on the thread before is none of the turn's usage") {
    const auto total = [](int input) {
        return *parse_json(
            R"({"tokenUsage":{"total":{"inputTokens":)" + std::to_string(input) + "}}}"
        );
    };
    Teller teller;
    teller.translator.spent_by_others(total(1'000));
    teller.push("thread/tokenUsage/updated", dump_json(total(1'040)));
    CHECK(std::get<turn::UsageKnown>(teller.events.back()).usage.input == 40);
    WorkerTranslator resumed({.thread = "t", .turn = "u"}); // what was spent before is not known
    resumed.spent_by_others(total(500));
    std::vector<turn::Event> out;
    resumed.push("thread/tokenUsage/updated", total(503), out);
    CHECK(std::get<turn::UsageKnown>(out.back()).usage.input == 3);
}

TEST_CASE("worker translator: a list of things to do is told as a plan, whatever it holds") {
    struct Row {
        std::string_view item;
        std::string_view steps;
    };
    for (const auto& row : {
             Row{R"({"items":[{"text":"a","completed":true},{"text":"b","completed":false},{}]})",
                 R"([{"step":"a","status":"completed"},{"step":"b","status":"pending"},)"
                 R"({"step":"","status":"pending"}])"},
             Row{R"({"items":[]})", "[]"},
             Row{R"({"items":7})", "[]"},
             Row{"{}", "[]"},
         }) {
        CAPTURE(row.item);
        Teller teller;
        teller.push(
            "item/started",
            fmt::format(R"({{"item_id":"l","item_kind":"todo_list","item":{}}})", row.item)
        );
        REQUIRE(teller.events.size() == 2); // it begins the turn
        const auto* note = std::get_if<turn::Note>(&teller.events.back());
        REQUIRE(note != nullptr);
        CHECK(note->name == "plan");
        CHECK(note->payload.at("steps") == *parse_json(row.steps));
    }
}

TEST_CASE("worker translator: what nobody knows is counted, and ends nothing") {
    Teller teller;
    teller.push("item/hologram/delta", R"({"item_id":"x","delta":"no"})");
    teller.push("item/started", R"({"item_id":"h","item_kind":"hologram"})");
    teller.push("item/agentMessage/delta", R"({"item_id":"m","delta":5})");
    teller.push("item/agentMessage/delta", R"({"delta":"no id"})");
    CHECK(teller.events.empty());
    CHECK(teller.translator.unknown() == 4);
}
