#include "oa_stream/wire/json_scan.hpp"
#include "oa_stream/wire/sse.hpp"
#include "oa_stream/wire/ui_chunk.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <random>
#include <string>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::wire;
using namespace oa_stream::wire::ui;

namespace {

std::string rules_of(std::string_view data) {
    std::string out;
    for (const ParseNote& note : parse_chunk(data).notes) {
        out += out.empty() ? "" : " ";
        out += note.rule;
    }
    return out;
}

struct Row {
    std::string_view name, data, rules;
    bool chunk = true;
};

constexpr std::array k_rows{
    Row{"done", "[DONE]", ""},
    Row{"done is written exactly so", "[DONE] ", "J1", false},
    Row{"start", R"({"type":"start","messageId":"m"})", ""},
    Row{"start without id", R"({"type":"start"})", "J9"},
    Row{"no JSON", "{", "J1", false},
    Row{"empty", "", "J1", false},
    Row{"array", "[]", "J1", false},
    Row{"string", "\"start\"", "J1", false},
    Row{"null", "null", "J1", false},
    Row{"no type", "{}", "J2", false},
    Row{"type is not a string", R"({"type":1})", "J2", false},
    Row{"unknown type", R"({"type":"tool-approval-request"})", "J2", false},
    Row{"type of every object", R"({"type":"toString"})", "J2", false},
    Row{"outside the contract", R"({"type":"source-url","sourceId":"s","url":"x"})", "J8"},
    Row{"outside the contract, a missing key", R"({"type":"source-url","url":"x"})", "J8 J4"},
    Row{"outside the contract, a wrong type",
        R"({"type":"source-document","sourceId":"s","mediaType":"m","title":1})",
        "J8 J4"},
    Row{"outside the contract, an unknown key",
        R"({"type":"file","url":"x","mediaType":"m","filename":"f"})",
        "J8 J3"},
    Row{"message metadata", R"({"type":"message-metadata"})", "J8"},
    Row{"message metadata takes no other",
        R"({"type":"message-metadata","providerMetadata":{}})",
        "J8 J3"},
    Row{"unknown key", R"({"type":"finish","finishReason":"stop"})", "J3"},
    Row{"key of another chunk", R"({"type":"text-start","id":"a","delta":"x"})", "J3"},
    Row{"missing key", R"({"type":"text-delta","id":"a"})", "J4"},
    Row{"two missing keys", R"({"type":"text-delta"})", "J4 J4"},
    Row{"wrong type", R"({"type":"text-delta","id":1,"delta":"x"})", "J4"},
    Row{"null is not a string", R"({"type":"error","errorText":null})", "J4"},
    Row{"null is any value", R"({"type":"data-x","data":null})", ""},
    Row{"flag as text", R"({"type":"data-x","data":1,"transient":"true"})", "J4"},
    Row{"metadata of the message is merged",
        R"({"type":"start","messageId":"m","messageMetadata":{"a":1}})",
        ""},
    Row{"no metadata", R"({"type":"finish","messageMetadata":null})", ""},
    Row{"a number as metadata", R"({"type":"start","messageId":"m","messageMetadata":0})", "J4"},
    Row{"a text as metadata", R"({"type":"finish","messageMetadata":"x"})", "J4"},
    Row{"a list as metadata", R"({"type":"message-metadata","messageMetadata":[]})", "J8 J4"},
    Row{"data needs data", R"({"type":"data-x"})", "J4"},
    Row{"data with an empty name", R"({"type":"data-","data":1})", ""},
    Row{"lone surrogate", R"({"type":"error","errorText":"\ud800"})", "J5"},
    Row{"lone surrogate in a key", R"({"type":"data-x","data":{"\ud800":1}})", "J5"},
    Row{"key twice", R"({"type":"error","errorText":"a","errorText":"b"})", "J6"},
    Row{"key twice inside", R"({"type":"data-x","data":{"a":1,"a":1}})", "J6"},
    Row{"forbidden key on top", R"({"type":"abort","__proto__":1})", "J7 J3"},
    Row{"forbidden key inside", R"({"type":"data-x","data":[{"__proto__":1}]})", "J7"},
    Row{"forbidden pair", R"({"type":"data-x","data":{"constructor":{"prototype":0}}})", "J7"},
    Row{"metadata on text", R"({"type":"text-end","id":"a","providerMetadata":{}})", "J10"},
    Row{"metadata that is not an object of objects",
        R"({"type":"text-end","id":"a","providerMetadata":{"a":{},"b":1}})",
        "J10 J4"},
    Row{"metadata that is a list", R"({"type":"text-end","id":"a","providerMetadata":[]})", "J10 J4"
    },
    Row{"metadata on tool output",
        R"({"type":"tool-output-available","toolCallId":"c","output":1,"providerMetadata":{}})",
        "J3"},
    Row{"all at once",
        R"({"type":"text-delta","id":"\udc00","x":{"__proto__":1},"x":2})",
        "J6 J7 J5 J3 J4"},
};

} // namespace

TEST_CASE("chunk: each of J1-J10 is found, and nothing else") {
    for (const Row& row : k_rows) {
        DYNAMIC_SECTION(row.name) {
            CAPTURE(row.data);
            CHECK(rules_of(row.data) == row.rules);
            CHECK(parse_chunk(row.data).chunk.has_value() == row.chunk);
        }
    }
}

TEST_CASE("chunk: nesting beyond the cap is W2, and no chunk") {
    const std::string deep =
        R"({"type":"data-x","data":)" + std::string(600, '[') + std::string(600, ']') + "}";
    CHECK(rules_of(deep) == "W2");
    CHECK_FALSE(parse_chunk(deep).chunk);
}

TEST_CASE("chunk: every type is read into its struct and written the same way") {
    for (const std::string_view json : {
             R"({"type":"start","messageId":"m","messageMetadata":{"b":1,"a":[2]}})",
             R"({"type":"start-step"})",
             R"({"type":"text-start","id":"t"})",
             R"({"type":"text-delta","id":"t","delta":"a \"quoted\"\nline ä😀\\"})",
             R"({"type":"text-end","id":"t"})",
             R"({"type":"reasoning-start","id":"r"})",
             R"({"type":"reasoning-delta","id":"r","delta":"plain ascii, longer than a word"})",
             R"({"type":"reasoning-end","id":"r"})",
             R"({"type":"tool-input-start","toolCallId":"c","toolName":"n","dynamic":true,"providerExecuted":true})",
             R"({"type":"tool-input-delta","toolCallId":"c","inputTextDelta":"{"})",
             R"({"type":"tool-input-available","toolCallId":"c","toolName":"n","input":{},"dynamic":true})",
             R"({"type":"tool-output-available","toolCallId":"c","output":null,"providerExecuted":true})",
             R"({"type":"tool-output-error","toolCallId":"c","errorText":"e"})",
             R"({"type":"data-plan","id":"p","data":[1,"x"],"transient":true})",
             R"({"type":"data-plan","data":false})",
             R"({"type":"error","errorText":"e"})",
             R"({"type":"finish-step"})",
             R"({"type":"finish","messageMetadata":{"status":"completed"}})",
             R"({"type":"finish"})",
             R"({"type":"abort"})",
             R"({"type":"file"})",
             "[DONE]",
         }) {
        CAPTURE(json);
        const Parsed parsed = parse_chunk(json);
        REQUIRE(parsed.chunk.has_value());
        std::string out;
        append_frame(out, *parsed.chunk);
        CHECK(out == "data: " + std::string(json) + "\n\n");
        CHECK((json == "[DONE]" || json.contains('"' + type_of(*parsed.chunk) + '"')));
        CHECK(type_in(out) == type_of(*parsed.chunk));
        const auto back = chunk_in(out);
        REQUIRE(back.has_value());
        CHECK(back->index() == parsed.chunk->index());
    }
}

TEST_CASE("chunk: what is not a chunk's frame has neither type nor chunk") {
    for (const std::string_view bytes :
         {"", ": ping\n\n", "data: ", "data: {\"type\":", "data: {\"type\":\"text", "event: x\n\n"
         }) {
        CAPTURE(bytes);
        CHECK(type_in(bytes).empty());
        CHECK_FALSE(chunk_in(bytes));
    }
    // Approvals are read whoever the stream is for.
    CHECK(chunk_in("data: {\"type\":\"tool-output-denied\",\"toolCallId\":\"c\"}\n\n"));
}

TEST_CASE("chunk: a missing or wrong id equals itself and no id on the wire") {
    const auto id = [](std::string_view json) {
        return std::get<PartStart>(*parse_chunk(json).chunk).id;
    };
    const std::string missing = id(R"({"type":"text-start"})");
    const std::string number = id(R"({"type":"text-start","id":5})");
    CHECK(missing == id(R"({"type":"text-start"})"));
    CHECK(number == id(R"({"type":"text-start","id":5})"));
    CHECK(number != missing);
    CHECK(missing != id(R"({"type":"text-start","id":""})"));
    CHECK(number != id(R"({"type":"text-start","id":"5"})"));
}

TEST_CASE("chunk: wrong texts are empty, and broken ones can be written again") {
    CHECK(std::get<PartDelta>(*parse_chunk(R"({"type":"text-delta","id":"a","delta":7})").chunk)
              .delta.empty());
    const Parsed broken = parse_chunk(R"({"type":"text-delta","id":"a","delta":"x\ud800y"})");
    CHECK(std::get<PartDelta>(*broken.chunk).delta == "x\xEF\xBF\xBDy");
    std::string out;
    append_frame(out, PartDelta{PartKind::text, "a", "\xC3"}); // a cut code point of ours
    CHECK(parse_chunk(out.substr(6, out.size() - 8)).notes.empty());
}

TEST_CASE("chunk: any text survives writing and reading, at any cut") {
    std::mt19937 random(42); // NOLINT(bugprone-random-generator-seed): must repeat
    static constexpr std::array<std::string_view, 14> k_pieces{
        "a",
        "0123456789",
        "\"",
        "\\",
        "\n",
        "\r",
        "\t",
        "\x01",
        "ä",
        "€",
        "😀",
        "data: ",
        "\n\n",
        "[DONE]"
    };
    for (int round = 0; round < 300; ++round) {
        std::string text;
        for (auto i = random() % 12U; i > 0; --i) {
            text += k_pieces[random() % k_pieces.size()];
        }
        std::string wire = ": ping\n\n";
        append_frame(wire, PartDelta{PartKind::text, text, text});
        append_frame(wire, Data{"x", text, Json{{text, text}}, true});
        append_frame(wire, Done{});
        std::vector<Chunk> chunks;
        int notes = 0;
        SseReader reader({
            .event =
                [&](const SseEvent& event) {
                    Parsed parsed = parse_chunk(event.data);
                    notes += static_cast<int>(parsed.notes.size());
                    chunks.push_back(*std::move(parsed.chunk));
                },
            .note = [&](const SseNote&) { ++notes; },
        });
        for (std::string_view rest = wire; !rest.empty();) {
            const std::size_t cut = 1 + random() % 20U;
            reader.feed(rest.substr(0, cut));
            rest.remove_prefix(std::min(cut, rest.size()));
        }
        reader.finish();
        CAPTURE(text);
        CHECK(notes == 0);
        REQUIRE(chunks.size() == 3);
        CHECK(std::get<PartDelta>(chunks[0]).id == text);
        CHECK(std::get<PartDelta>(chunks[0]).delta == text);
        CHECK(std::get<Data>(chunks[1]).id == text);
        CHECK(std::get<Data>(chunks[1]).data == Json{{text, text}});
        CHECK(std::holds_alternative<Done>(chunks[2]));
    }
}

namespace {

/// What was read from `data`, written again, with the rules it broke.
std::string reading_of(std::string_view data) {
    const Parsed parsed = parse_chunk(data);
    std::string out = parsed.chunk ? type_of(*parsed.chunk) + " " : "none ";
    if (parsed.chunk) {
        append_frame(out, *parsed.chunk);
    }
    return out + rules_of(data);
}

} // namespace

TEST_CASE("chunk: a delta is read the same in whatever spelling it comes") {
    std::mt19937 random(7); // NOLINT(bugprone-random-generator-seed): must repeat
    static constexpr std::array<std::string_view, 22> k_pieces{
        R"({"type":"text-delta","id":")",
        R"({"type":"reasoning-delta","id":")",
        R"({"type":"text-start","id":")",
        R"({"id":")",
        R"(","delta":")",
        R"(","delta":1)",
        R"(","delta":"x","delta":")",
        R"("})",
        R"(","id":"b"})",
        R"("} )",
        "}",
        "a",
        "0123456789",
        "\\n",
        "\\u00e4",
        R"(\ud83d\ude00)",
        R"(\ud800)",
        "ä€",
        "\xC3",
        "\n",
        "\\",
        "\""
    };
    const auto any = [&] { return k_pieces[random() % k_pieces.size()]; };
    for (int round = 0; round < 20000; ++round) {
        std::string data(k_pieces[random() % 4U]);
        data += any();
        data += random() % 8U == 0 ? any() : k_pieces[4];
        for (auto i = random() % 4U; i > 0; --i) {
            data += any();
        }
        data += random() % 8U == 0 ? any() : k_pieces[7];
        CAPTURE(data);
        // White space in front, and the delta is read as any chunk is.
        REQUIRE(reading_of(data) == reading_of(" " + data));
    }
}
