#include "oa_stream/contract/ui_machine.hpp"

#include "allocations.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::contract;
using namespace oa_stream::wire::ui;

namespace {

struct Heard {
    std::string rules{};
    UiMachine::Report report = [this](std::string_view rule, std::string message) {
        CHECK_FALSE(message.empty());
        rules += rules.empty() ? "" : " ";
        rules += rule;
    };
};

std::string run(const std::vector<Chunk>& chunks, std::optional<Continues> continues = {}) {
    Heard told;
    UiMachine machine(std::move(continues));
    for (const Chunk& chunk : chunks) {
        machine.step(chunk, told.report);
    }
    machine.finish(told.report);
    return told.rules;
}

const PartStart k_text{PartKind::text, "t"};
const PartDelta k_delta{PartKind::text, "t", "x"};
const PartEnd k_end{PartKind::text, "t"};
const ToolInputStart k_tool{"c", "n", true, true};
const ToolInputDelta k_tool_delta{"c", "{}"};
const ToolInputAvailable k_input{"c", "n", Json::object(), true, true};
const ToolOutputAvailable k_output{"c", Json(1), true, true};
const ToolOutputError k_output_error{"c", "e", true, true};
const Start k_start{"m", {}};

/// The chunks between start-step and finish-step of an otherwise good stream.
std::string in_step(std::vector<Chunk> chunks) {
    chunks.insert(chunks.begin(), {k_start, StartStep{}});
    chunks.insert(chunks.end(), {FinishStep{}, Finish{}, Done{}});
    return run(chunks);
}

} // namespace

TEST_CASE("machine: legal turns report nothing") {
    CHECK(in_step({}).empty());
    CHECK(in_step({k_text, k_delta, k_end}).empty());
    CHECK(in_step({k_tool, k_tool_delta, k_input, k_output, k_text, k_end}).empty());
    CHECK(in_step({k_input, k_output}).empty());
    CHECK(in_step({k_tool, k_output_error}).empty());
    CHECK(in_step({k_text, k_tool, k_delta, k_input, k_end, k_output}).empty());
    CHECK(in_step({k_text, k_end, ErrorChunk{"e"}}).empty());
    CHECK(in_step({k_text, k_end, Abort{}}).empty());
    CHECK(run({k_start, StartStep{}, ErrorChunk{"e"}, FinishStep{}, Done{}}).empty());
    CHECK(run({k_start,
               Data{"x", {}, 1},
               StartStep{},
               FinishStep{},
               Data{"x", {}, 1},
               Finish{},
               Done{}}
    ).empty());
}

TEST_CASE("machine: a chunk outside a step is named by its type") {
    std::string found;
    UiMachine machine(std::nullopt);
    const UiMachine::Report report = [&](std::string_view rule, const std::string& message) {
        found = rule == "O3" ? message : found;
    };
    machine.step(k_start, report);
    machine.step(PartStart{PartKind::reasoning, "r"}, report);
    CHECK(found == "reasoning-start outside a step");
    machine.step(ErrorChunk{"e"}, report);
    CHECK(found == "error outside a step");
}

TEST_CASE("machine: order") {
    CHECK(run({}) == "O1 O5 O6");
    CHECK(run({StartStep{}, FinishStep{}, Finish{}, Done{}}) == "O1");
    CHECK(run({k_start, k_start, StartStep{}, FinishStep{}, Finish{}, Done{}}) == "O2");
    CHECK(run({k_start, k_text, StartStep{}, k_end, FinishStep{}, Finish{}, Done{}}) == "O3");
    CHECK(run({k_start, Finish{}, Done{}}) == "O3");
    CHECK(run({k_start, StartStep{}, StartStep{}, FinishStep{}, Finish{}, Done{}}) == "O3 O4");
    CHECK(run({k_start, FinishStep{}, StartStep{}, FinishStep{}, Finish{}, Done{}}) == "O3");
    CHECK(
        run({k_start, StartStep{}, FinishStep{}, StartStep{}, FinishStep{}, Finish{}, Done{}}) ==
        "O4"
    );
    CHECK(run({k_start, StartStep{}, FinishStep{}, Done{}}) == "O5");
    CHECK(run({k_start, StartStep{}, FinishStep{}, Finish{}, Finish{}, Done{}}) == "O5");
    CHECK(run({k_start, StartStep{}, FinishStep{}, Finish{}}) == "O6");
    CHECK(run({k_start, StartStep{}, FinishStep{}, Finish{}, Done{}, Done{}}) == "O7 O6");
    CHECK(run({k_start, StartStep{}, FinishStep{}, Finish{}, Done{}, Data{"x", {}, 1}}) == "O7 O8");
    CHECK(run({k_start, StartStep{}, FinishStep{}, Finish{}, Data{"x", {}, 1}, Done{}}) == "O8");
    CHECK(run({k_start, StartStep{}, Finish{}, Done{}}) == "O9");
    CHECK(run({k_start, StartStep{}, ErrorChunk{"e"}, Done{}}) == "O9");
}

TEST_CASE("machine: parts") {
    CHECK(in_step({k_delta}) == "P1");
    CHECK(in_step({k_end}) == "P1");
    CHECK(in_step({k_text, k_end, k_delta}) == "P1");
    CHECK(in_step({k_text, PartEnd{PartKind::reasoning, "t"}, k_end}) == "P1"); // ids live per kind
    CHECK(in_step({k_text, k_text, k_end}) == "P2");
    CHECK(in_step({k_text}) == "P3");
    CHECK(in_step({k_text, Abort{}}) == "P3");
    CHECK(in_step({k_text, k_end, k_text, k_end}) == "P4");
    CHECK(
        in_step({k_text, PartStart{PartKind::text, "u"}, k_end, PartEnd{PartKind::text, "u"}}) ==
        "P5"
    );
    CHECK(
        run(
            {k_start,
             StartStep{},
             k_text,
             FinishStep{},
             StartStep{},
             k_delta,
             FinishStep{},
             Finish{},
             Done{}}
        ) == "P3 O4 P1"
    );
}

TEST_CASE("machine: tools") {
    CHECK(in_step({k_tool_delta}) == "T1");
    CHECK(in_step({k_output}) == "T1");
    CHECK(in_step({k_tool, k_output}) == "T1");
    CHECK(in_step({k_input, k_tool_delta, k_output}) == "T1");
    CHECK(in_step({k_tool, k_tool, k_input, k_output}) == "T2");
    CHECK(in_step({k_input, k_input, k_output}) == "T2");
    CHECK(in_step({k_input, k_output, k_output_error}) == "T2");
    CHECK(in_step({k_tool}) == "T3");
    CHECK(in_step({k_tool, Abort{}}) == "T3");
    CHECK(in_step({k_input}) == "T4");
    CHECK(in_step({k_input, Abort{}}).empty());
    CHECK(
        in_step({k_tool, ToolInputAvailable{"c", "other", Json::object(), true}, k_output}) == "T5"
    );
    CHECK(
        in_step(
            {k_tool,
             ToolInputAvailable{"c", "n", Json::object(), false},
             ToolOutputAvailable{"c", 1, false}}
        ) == "T5 T5"
    );
    CHECK(in_step({k_input, ToolOutputAvailable{"c", 1, false}}) == "T5");
    CHECK(in_step({k_tool, ToolInputDelta{"c", "{\"a\":1"}, k_input, k_output}) == "T6");
    CHECK(in_step({k_tool, ToolInputDelta{"c", "{\"a\":1}"}, k_input, k_output}) == "T6");
    CHECK(in_step({k_tool, ToolInputDelta{"c", " { } "}, k_input, k_output}).empty());
}

TEST_CASE("machine: a call that waits for the client may stay open, one that the server runs not") {
    const Finish waits{Json::object({{"finishReason", "tool-calls"}})};
    const Finish stops{Json::object({{"finishReason", "stop"}})};
    const ToolInputStart begun{"p", "n"};
    const ToolInputAvailable pages{"p", "n", Json::object()};
    const auto ended = [](std::vector<Chunk> chunks, std::vector<Chunk> end) {
        chunks.insert(chunks.begin(), {k_start, StartStep{}});
        chunks.insert(chunks.end(), end.begin(), end.end());
        return run(chunks);
    };
    const std::vector<Chunk> waiting{FinishStep{}, waits, Done{}};
    CHECK(ended({begun, pages}, waiting).empty());
    CHECK(ended({pages}, waiting).empty());
    CHECK(ended({k_input, k_output, pages}, waiting).empty());
    CHECK(ended({pages, k_input}, waiting) == "T4"); // of the server's alone
    CHECK(ended({k_tool, ToolInputAvailable{"c", "n", Json::object(), true}}, waiting) == "T4");
    CHECK(ended({begun}, waiting) == "T3");
    CHECK(ended({pages}, {FinishStep{}, stops, Done{}}) == "T4");
    CHECK(ended({pages}, {FinishStep{}, Finish{}, Done{}}) == "T4");
    CHECK(ended({pages}, {FinishStep{}, Finish{Json("tool-calls")}, Done{}}) == "T4");
    CHECK(ended({pages}, {FinishStep{}, Done{}}) == "T4 O5"); // cut: nothing says that it waits
    CHECK(ended({pages}, {FinishStep{}, StartStep{}, FinishStep{}, waits, Done{}}) == "T4 O4");
    CHECK(ended({pages, ErrorChunk{"e"}}, waiting) == "E3");
}

TEST_CASE("machine: errors and aborts") {
    CHECK(in_step({ErrorChunk{"e"}, ErrorChunk{"e"}}) == "E1");
    CHECK(in_step({k_text, ErrorChunk{"e"}}) == "E2");
    CHECK(in_step({k_tool, ErrorChunk{"e"}}) == "E3");
    CHECK(in_step({k_input, ErrorChunk{"e"}}) == "E3");
    CHECK(in_step({ErrorChunk{"e"}, Data{"x", {}, 1}}) == "E4");
    CHECK(in_step({Abort{}, k_text, k_end}) == "E4 E4");
    CHECK(in_step({Abort{}, ErrorChunk{"e"}}) == "E4");
    CHECK(run({k_start, ErrorChunk{"e"}, Done{}}) == "O3");
}

TEST_CASE("machine: an answer that goes on with a message keeps its id or names none") {
    const std::vector<Chunk> tail{StartStep{}, FinishStep{}, Finish{}, Done{}};
    const auto with = [&](Start start) {
        std::vector<Chunk> chunks{std::move(start)};
        chunks.insert(chunks.end(), tail.begin(), tail.end());
        return run(chunks, Continues{.message_id = "m"});
    };
    CHECK(with({"m", {}}).empty());
    CHECK(with({std::nullopt, {}}).empty());
    CHECK(with({"n", {}}) == "O10");
}

TEST_CASE("machine: calls of the earlier message may stay open, whatever ends the step") {
    const Continues before{
        "m",
        {{.call = "c1", .name = "n", .dynamic = true, .input_streaming = true},
         {.call = "c2", .name = "n", .dynamic = true}}
    };
    CHECK(run({k_start, StartStep{}, FinishStep{}, Finish{}, Done{}}, before).empty());
    CHECK(run({k_start, StartStep{}, Abort{}, FinishStep{}, Done{}}, before).empty());
    CHECK(run({k_start, StartStep{}, ErrorChunk{"e"}, FinishStep{}, Done{}}, before).empty());
}

TEST_CASE("machine: it tells how far the stream is") {
    Heard told;
    UiMachine machine;
    CHECK_FALSE(machine.started());
    machine.step(k_start, told.report);
    CHECK(machine.started());
    machine.step(StartStep{}, told.report);
    CHECK_FALSE(machine.terminal());
    machine.step(ErrorChunk{"e"}, told.report);
    CHECK(machine.terminal());
    machine.step(FinishStep{}, told.report);
    CHECK_FALSE(machine.done());
    machine.step(Done{}, told.report);
    CHECK(machine.done());
    machine.comment(told.report);
    machine.unreadable(told.report);
    CHECK(told.rules == "O7");
}

TEST_CASE("machine: a legal delta allocates nothing") {
    UiMachine machine;
    int reports = 0;
    const UiMachine::Report report = [&](std::string_view, const std::string&) { ++reports; };
    const std::string id = "item_0123456789abcdef0123456789abcdef"; // longer than any small string
    machine.step(k_start, report);
    machine.step(StartStep{}, report);
    machine.step(PartStart{PartKind::text, id}, report);
    const Chunk delta = PartDelta{PartKind::text, id, std::string(200, 'x')};
    const std::uint64_t before = testing::allocations();
    for (int i = 0; i < 1000; ++i) {
        machine.step(delta, report);
    }
    CHECK(testing::allocations() - before == 0);
    CHECK(reports == 0);
}
