#include "codex/codex_history.hpp"
#include "codex_events_rows.hpp"
#include "codex_events_transcript.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>

using namespace oa_stream;
using namespace oa_stream::turn;
using namespace oa_stream::authority::test;
using authority::CodexTranslator;
using authority::events_of_item;
using authority::past_turn;

TEST_CASE("codex events: reasoning is one part, with a blank line between its sections") {
    Transcript transcript;
    transcript.started(R"({"type":"reasoning","id":"r","summary":[],"content":[]})");
    transcript.delta("reasoning/summaryTextDelta", "r", "a", 0);
    transcript.delta("reasoning/summaryTextDelta", "r", "b", 0);
    transcript.delta("reasoning/summaryTextDelta", "r", "c", 1);
    transcript.delta("reasoning/textDelta", "r", "raw", 0);
    transcript.completed(
        R"({"type":"reasoning","id":"r","summary":["ab","c"],"content":["raw","more"]})"
    );
    const auto delta = [](const char* text) { return PartDelta{"r1", text}; };
    CHECK(
        transcript.lines() == want(
                                  PartOpened{"r1", PartKind::reasoning},
                                  delta("a"),
                                  delta("b"),
                                  delta("\n\n"),
                                  delta("c"),
                                  delta("\n\n"),
                                  delta("raw"),
                                  delta("\n\nmore"),
                                  PartClosed{"r1"}
                              )
    );
}

TEST_CASE("codex events: a command is the tool shell") {
    Transcript transcript;
    transcript.started(k_exec).delta("commandExecution/outputDelta", "c1", "b\n");
    transcript.completed(
        exec("completed", R"("aggregatedOutput":"a\nb\n","exitCode":0,"durationMs":7)")
    );
    CHECK(
        transcript.lines() ==
        want(
            ToolOpened{"c1", "shell"},
            ToolInputReady{"c1", object(R"({"command":"ls -l"})")},
            ToolOutputDelta{"c1", "b\n"},
            ToolOutput{"c1", object(R"({"output":"a\nb\n","exitCode":0,"durationMs":7})")}
        )
    );
}

TEST_CASE("codex events: how a command ended decides between output and failure") {
    struct Row {
        const char* name;
        std::string item;
        Event want;
    };
    const std::vector<Row> rows{
        {"a failing exit is an output: its text stays visible",
         exec("failed", R"("aggregatedOutput":"oops\n","exitCode":3)"),
         ToolOutput{"c1", object(R"({"output":"oops\n","exitCode":3})")}},
        {"no output is empty text",
         exec("completed", R"("aggregatedOutput":null,"exitCode":0)"),
         ToolOutput{"c1", object(R"({"output":"","exitCode":0})")}},
        {"declined",
         exec("declined", R"("exitCode":null)"),
         ToolFailed{"c1", "The command was declined."}},
        {"never ran",
         exec("failed", R"("exitCode":null)"),
         ToolFailed{"c1", "The command could not be run."}},
        {"never ended, with output",
         exec("failed", R"("exitCode":null,"aggregatedOutput":"half")"),
         ToolFailed{"c1", "The command could not be run.\n\nhalf"}},
    };
    for (const Row& row : rows) {
        DYNAMIC_SECTION(row.name) {
            Transcript transcript;
            transcript.started(k_exec).completed(row.item);
            CHECK(transcript.lines().back() == describe(row.want));
            const auto stored = events_of_item(Json::parse(row.item), 1, "/w");
            CHECK(described(stored) == transcript.lines()); // history tells the same
        }
    }
}

TEST_CASE("codex events: the bare command is taken out of its shell wrapper") {
    struct Row {
        const char* in;
        const char* actions;
        const char* out;
    };
    constexpr std::array k_rows{
        Row{R"(/bin/bash -lc 'echo a b')", "[]", "echo a b"},
        Row{R"(bash -lc ls)", "[]", "ls"},
        Row{R"(/usr/bin/zsh -lc "it's \$HOME \x")", "[]", R"(it's $HOME \x)"},
        Row{R"(/bin/sh -lc 'a'\''b')", "[]", "a'b"},
        Row{R"(bash -lc 'a' 'b')", "[]", "bash -lc 'a' 'b'"},
        Row{R"(bash -lc 'open)", "[]", "bash -lc 'open"},
        Row{R"(/bin/bash -c 'cat a | xargs rm')", R"([{"command":"cat a"}])", "cat a | xargs rm"},
        Row{R"(./bin/bash -lc ls)", R"([{"command":"ls"}])", "./bin/bash -lc ls"},
        Row{R"(/tmp/bash -c ls)", "[]", "/tmp/bash -c ls"},
        Row{"python x.py", R"([{"type":"unknown","command":"x.py"}])", "python x.py"},
        Row{"a && b", R"([{"command":"a"},{"command":"b"}])", "a && b"},
        Row{"notbash -lc x", "[]", "notbash -lc x"},
    };
    for (const Row& row : k_rows) {
        DYNAMIC_SECTION(row.in) {
            Json item = Json::parse(R"({"type":"commandExecution","id":"c","cwd":"/w"})");
            item["command"] = row.in;
            item["commandActions"] = Json::parse(row.actions);
            const auto input = std::get<ToolInputReady>(events_of_item(item, 1).at(1)).input;
            CHECK(input.at("command") == row.out);
        }
    }
}

TEST_CASE("codex events: paths under the thread's folder are told without it") {
    struct Row {
        const char* cwd;
        const char* path;
        const char* transcript;
    };
    constexpr std::array k_rows{
        Row{"/w", "/w/a/b.txt", "a/b.txt"},
        Row{"/w/", "/w/b.txt", "b.txt"},
        Row{"/w", "/wider/b.txt", "/wider/b.txt"},
        Row{"", "/w/b.txt", "/w/b.txt"},
        Row{"/w", "rel.txt", "rel.txt"},
    };
    for (const Row& row : k_rows) {
        DYNAMIC_SECTION(row.cwd << " " << row.path) {
            Json change = Json::object();
            change["path"] = row.path;
            change["kind"] = Json::parse(R"({"type":"update","move_path":null})");
            Json item = Json::parse(R"({"type":"fileChange","id":"f","status":"completed"})");
            item["changes"].push_back(change);
            const auto input =
                std::get<ToolInputReady>(events_of_item(item, 1, row.cwd).at(1)).input;
            CHECK(input.at("changes").at(0).at("path") == row.transcript);
        }
    }
    SECTION("a command's folder when it is another one, wherever it lies") {
        for (const auto& [cwd, transcript] :
             {std::pair("/w", ""), std::pair("/w/sub", "sub"), std::pair("/other", "/other")}) {
            Json item = Json::parse(k_exec);
            item["cwd"] = cwd;
            const auto input = std::get<ToolInputReady>(events_of_item(item, 1, "/w").at(1)).input;
            CHECK(input.value("cwd", "") == transcript);
        }
    }
}

TEST_CASE("codex events: tools of every kind, streamed and stored alike") {
    for (const ToolRow& row : tool_rows()) {
        DYNAMIC_SECTION(row.name) {
            Transcript transcript;
            transcript.started(row.started).completed(row.completed);
            CHECK(transcript.lines() == row.want);
            CHECK(described(events_of_item(Json::parse(row.completed), 1, "/w")) == row.want);
            Transcript without_start;
            without_start.completed(row.completed);
            CHECK(without_start.lines() == row.want);
        }
    }
}

TEST_CASE("codex events: call ids stay within the wire's alphabet and apart") {
    const auto id = [](const char* item, int occurrence) {
        Json raw = Json::parse(k_exec);
        raw["id"] = item;
        return std::get<ToolOpened>(events_of_item(raw, occurrence).at(0)).call;
    };
    CHECK(id("call_1-A", 1) == "call_1-A");
    CHECK(id("call_1-A", 2) == "call_1-A-2");
    CHECK(id("call_1-A-2", 1) != "call_1-A-2"); // that is the second one's
    CHECK(id("call_1-A-2", 2) != id("call_1-A", 2));
    CHECK(id("a.b", 1) != id("a_b", 1));
    CHECK(id("a.b", 1) != id("a:b", 1));
    CHECK(id("a.b", 1) == id("a.b", 1));
    CHECK_FALSE(id("", 1).empty());
    CHECK(id(std::string(500, 'x').c_str(), 9).size() <= 128);
    CHECK(
        id("a.b", 1).find_first_not_of(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
        ) == std::string::npos
    );
    Transcript transcript;
    transcript.started(k_exec).completed(exec("completed", R"("exitCode":0)"));
    transcript.started(k_exec).completed(exec("completed", R"("exitCode":0)"));
    CHECK(std::get<ToolOpened>(transcript.events().at(4)).call == "c1-2");
}

TEST_CASE("codex events: calls of two types with one id stay apart, here and in the history") {
    const std::string command = R"({"type":"commandExecution","id":"c","command":"x")";
    const std::string tool = R"({"type":"mcpToolCall","id":"c","server":"s","tool":"t")";
    const std::string patch = R"({"type":"fileChange","id":"c","changes":[])";
    Transcript transcript;
    for (const auto& item : {command, tool, patch}) {
        transcript.started(item + "}");
    }
    transcript.delta("commandExecution/outputDelta", "c", "1");
    transcript("item/mcpToolCall/progress", R"({"itemId":"c","message":"2"})");
    transcript.delta("fileChange/outputDelta", "c", "3");
    transcript.completed(
        command + R"(,"status":"completed"})"
    ); // a worker sends the patch's so, too:
    transcript.delta("commandExecution/outputDelta", "c", "4");
    const std::string ended = R"(,"status":"completed","startedAtMs":)";
    std::vector<std::string> opened;
    std::vector<std::string> outputs;
    const auto note = [&](const Event& event) {
        if (const auto* one = std::get_if<ToolOpened>(&event)) {
            opened.push_back(one->call);
        } else if (const auto* delta = std::get_if<ToolOutputDelta>(&event)) {
            outputs.push_back(delta->call + ":" + delta->text);
        }
    };
    std::ranges::for_each(transcript.events(), note);
    CHECK(opened == std::vector<std::string>{"c", "c-2", "c-3"});
    CHECK(outputs == std::vector<std::string>{"c:1", "c-2:2\n", "c-3:3", "c-3:4"});
    opened.clear();
    const auto items = patch + ended + "3}," + tool + ended + "2}," + command + ended + "1}";
    const auto turn = Json::parse(R"({"id":"T","status":"completed","items":[)" + items + "]}");
    std::ranges::for_each(past_turn(turn, "/w").events, note);
    CHECK(opened == std::vector<std::string>{"c", "c-2", "c-3"});
}

TEST_CASE("codex events: parallel calls keep their own output") {
    Transcript transcript;
    transcript.started(R"({"type":"commandExecution","id":"a","command":"x"})");
    transcript.started(R"({"type":"commandExecution","id":"b","command":"y"})");
    transcript.delta("commandExecution/outputDelta", "a", "1")
        .delta("commandExecution/outputDelta", "b", "2");
    const Lines lines = transcript.lines();
    CHECK(lines.at(4) == describe(ToolOutputDelta{"a", "1"}));
    CHECK(lines.at(5) == describe(ToolOutputDelta{"b", "2"}));
}

TEST_CASE("codex events: output of an unknown or ended call is dropped") {
    Transcript transcript;
    transcript.delta("commandExecution/outputDelta", "nobody", "x").started(k_exec);
    transcript.completed(exec("completed", R"("exitCode":0)"));
    const std::size_t before = transcript.events().size();
    transcript.delta("commandExecution/outputDelta", "c1", "late");
    CHECK(transcript.events().size() == before);
}

TEST_CASE("codex events: plan, diff, progress and notices") {
    Transcript transcript;
    transcript(
        "turn/plan/updated", R"({"explanation":"why","plan":[{"step":"a","status":"pending"}]})"
    );
    transcript("turn/diff/updated", R"({"diff":"d1"})")("turn/diff/updated", R"({"diff":"d1"})");
    transcript("turn/diff/updated", R"({"diff":"d2"})");
    transcript.started(R"({"type":"contextCompaction","id":"k"})")
        .completed(R"({"type":"contextCompaction","id":"k"})");
    transcript.completed(R"({"type":"plan","id":"p","text":"1. do"})");
    const Lines lines = transcript.lines();
    REQUIRE(lines.size() == 6);
    CHECK(
        lines.at(0) ==
        describe(Note{
            "plan",
            "plan",
            false,
            object(R"({"explanation":"why","steps":[{"step":"a","status":"pending"}]})")
        })
    );
    CHECK(lines.at(1) == describe(Note{"diff", "diff", false, object(R"({"diff":"d1"})")}));
    CHECK(lines.at(2) == describe(Note{"diff", "diff", false, object(R"({"diff":"d2"})")}));
    CHECK(std::get<Note>(transcript.events().at(4)).payload.at("kind") == "compacting");
    CHECK(std::get<Note>(transcript.events().at(5)).payload.at("kind") == "compacted");
    CHECK(std::get<Note>(transcript.events().at(5)).transient);
    CHECK(
        lines.at(5) == describe(Note{"proposed-plan", "p", false, object(R"({"text":"1. do"})")})
    );
}

TEST_CASE("codex events: progress of an MCP call is live output") {
    Transcript transcript;
    transcript.started(
        R"({"type":"mcpToolCall","id":"m","server":"s","tool":"t","arguments":{},"status":"inProgress"})"
    );
    transcript("item/mcpToolCall/progress", R"({"itemId":"m","message":"half"})");
    CHECK(transcript.lines().back() == describe(ToolOutputDelta{"m", "half\n"}));
}

TEST_CASE("codex events: a retry closes the broken text and tells a notice, in our words") {
    Transcript transcript;
    transcript.delta("agentMessage/delta", "i1", "abc");
    transcript("error", R"({"willRetry":true,"error":{"message":"url http://10.0.0.1 key sk-1"}})");
    const Lines lines = transcript.lines();
    REQUIRE(lines.size() == 4);
    CHECK(lines.at(2) == describe(PartClosed{"m1"}));
    CHECK(std::get<PartClosed>(transcript.events().at(3)).broken); // the first is the start
    const Note& note = std::get<Note>(transcript.events().back());
    CHECK(note.transient);
    CHECK(note.payload.dump().find("sk-1") == std::string::npos);
}

TEST_CASE("codex events: usage is the difference of the totals over the turn") {
    SECTION("of a new thread") {
        Transcript transcript;
        transcript.usage("u", 10, 4, 3, 1).usage("u", 25, 9, 8, 1).ended();
        CHECK(transcript.end().usage == Usage{25, 9, 8, 1});
        CHECK(transcript.lines().size() == 3);
    }
    SECTION("of a later turn, by the baseline given") {
        Transcript transcript(Usage{100, 50, 10, 5});
        transcript.usage("u", 130, 60, 15, 5).ended();
        CHECK(transcript.end().usage == Usage{30, 10, 5, 0});
        CHECK(transcript.translator().total_usage() == Usage{130, 60, 15, 5});
    }
    SECTION("after a resume, by the old turn's notification") {
        Transcript transcript;
        transcript.usage("old", 100, 0, 10, 0).usage("u", 120, 0, 11, 0).ended();
        CHECK(transcript.end().usage == Usage{20, 0, 1, 0});
    }
    SECTION("unknown when nothing was added, or never told, or gone back") {
        Transcript same(Usage{100, 50, 10, 5});
        same.usage("u", 100, 50, 10, 5).ended();
        CHECK_FALSE(same.end().usage.has_value());
        Transcript never;
        never.ended();
        CHECK_FALSE(never.end().usage.has_value());
        Transcript back(Usage{100, 50, 10, 5});
        back.usage("u", 90, 60, 12, 5).ended();
        CHECK_FALSE(back.end().usage.has_value());
    }
}

TEST_CASE("codex events: a turn ends once, and nothing follows") {
    Transcript transcript;
    transcript.ended();
    CHECK(transcript.translator().ended());
    const std::size_t size = transcript.events().size();
    transcript.delta("agentMessage/delta", "i1", "x").started(k_exec).ended("interrupted");
    transcript("error", R"({"willRetry":true,"error":{}})").usage("u", 1, 1, 1, 1);
    CHECK(transcript.events().size() == size);
    CHECK(transcript.translator().total_usage() == Usage{1, 1, 1, 1});
}

TEST_CASE("codex events: other threads, other turns and unknown things mean nothing") {
    Transcript transcript;
    transcript("item/agentMessage/delta", R"({"threadId":"other","itemId":"i","delta":"x"})");
    transcript("item/agentMessage/delta", R"({"turnId":"other","itemId":"i","delta":"x"})");
    transcript("turn/completed", R"({"turn":{"id":"other","status":"completed"}})");
    transcript("turn/started", R"({"turn":{"id":"other"}})");
    transcript("warning", R"({"message":"see /home/u/config.toml"})");
    transcript("item/started", R"({"item":{"type":"userMessage","id":"x"}})");
    transcript("item/completed", R"({"item":{"type":"neverSeen","id":"x"}})");
    transcript("thread/status/changed", R"({"status":{"type":"systemError"}})");
    transcript("brand/new", R"({})");
    CHECK(transcript.lines().empty());
    CodexTranslator translator("t");
    std::vector<Event> out;
    for (const char* message :
         {"null",
          "[]",
          "{}",
          R"({"method":1,"params":2})",
          R"({"method":"turn/started"})",
          R"({"method":"turn/started","params":{"threadId":"t","turn":7}})",
          R"({"method":"item/started","params":{"threadId":"t","turnId":"","item":{}}})"}) {
        translator.notification(Json::parse(message), out);
    }
    CHECK(out.empty());
}

TEST_CASE("codex events: malformed members of known notifications are survived") {
    Transcript transcript;
    for (const char* method :
         {"item/started",
          "item/completed",
          "item/agentMessage/delta",
          "item/reasoning/textDelta",
          "item/commandExecution/outputDelta",
          "turn/plan/updated",
          "turn/diff/updated",
          "error",
          "thread/tokenUsage/updated",
          "item/mcpToolCall/progress"}) {
        for (const char* params :
             {R"({})",
              R"({"item":7,"delta":{},"itemId":[],"plan":3,"diff":4,"error":5})",
              R"({"item":{"type":"fileChange","id":1,"changes":[1,{}],"status":[]},"tokenUsage":{"total":[]}})",
              R"({"item":{"type":"mcpToolCall","result":3,"error":4}})",
              R"({"item":{"type":"webSearch","action":"x"}})",
              R"({"item":{"type":"reasoning","summary":[1],"content":{}}})"}) {
            transcript(method, params);
        }
    }
    transcript.ended("??");
    CHECK(transcript.end().outcome == Outcome::failed);
    CHECK(transcript.end().failure->code == FailureCode::codex_error);
}

TEST_CASE("codex events: how a turn ended") {
    SECTION("interrupted") {
        Transcript transcript;
        transcript.ended("interrupted");
        CHECK(transcript.end() == TurnEnded{Outcome::interrupted, Finish::other, {}, {}});
    }
    SECTION("failed, reported once, with the text in the detail alone") {
        Transcript transcript;
        const char* error =
            R"({"message":"unexpected status 401: mock, url: http://h","codexErrorInfo":{"httpConnectionFailed":{"httpStatusCode":401}}})";
        transcript("error", R"({"willRetry":false,"error":)" + std::string(error) + "}");
        transcript.ended("failed", error);
        CHECK(transcript.lines().size() == 1);
        CHECK(transcript.end().outcome == Outcome::failed);
        CHECK(transcript.end().finish == Finish::error);
        CHECK(
            *transcript.end().failure ==
            Failure{
                FailureCode::turn_failed,
                false,
                "httpConnectionFailed 401: unexpected status 401: mock, url: http://h",
                FailureCause::bad_key,
            }
        );
    }
    SECTION("failed without an error of its own: the last one told") {
        Transcript transcript;
        transcript(
            "error",
            R"({"willRetry":false,"error":{"message":"m","codexErrorInfo":"serverOverloaded"}})"
        );
        transcript.ended("failed");
        CHECK(transcript.end().failure->retryable);
    }
    SECTION("truncated by the model's limit is completed") {
        Transcript transcript;
        transcript.ended(
            "failed",
            R"({"message":"Incomplete response returned, reason: max_output_tokens","codexErrorInfo":"other"})"
        );
        CHECK(transcript.end() == TurnEnded{Outcome::completed, Finish::length, {}, {}, true});
    }
    SECTION("truncated behind its first words, which history may lack") {
        Transcript transcript;
        transcript.started(k_message).delta("agentMessage/delta", "i1", "Hel");
        transcript.ended(
            "failed",
            R"({"message":"Incomplete response returned, reason: max_output_tokens","codexErrorInfo":"other"})"
        );
        CHECK_FALSE(transcript.end().withheld);
        CHECK(transcript.end().finish == Finish::length);
    }
    SECTION("filtered is completed") {
        Transcript transcript;
        transcript.ended(
            "failed",
            R"({"message":"stream disconnected before completion: Incomplete response returned, reason: content_filter","codexErrorInfo":"other"})"
        );
        CHECK(
            transcript.end() == TurnEnded{Outcome::completed, Finish::content_filter, {}, {}, true}
        );
    }
}
