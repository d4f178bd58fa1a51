// Rules O, P, T, E and R: rules across chunks.
#pragma once

#include "oa_stream/contract/rules.hpp"

#include <array>

namespace oa_stream::contract {

inline constexpr std::array k_order_rules{
    Rule{
        "O1",
        Level::must,
        Input::bytes,
        "the first chunk is start",
        "run on nine clients",
        "start makes the message that everything else goes into; without it the message has no id."
    },
    Rule{
        "O2",
        Level::must,
        Input::bytes,
        "there is only one start",
        "run on nine clients",
        "A second start with a new id makes a second message that repeats the parts so far."
    },
    Rule{
        "O3",
        Level::must,
        Input::bytes,
        "start-step follows start, and content is inside a step",
        "AI SDK UI message stream protocol",
        "Steps decide which parts go back to the model; content outside one is sent back wrongly."
    },
    Rule{
        "O4",
        Level::should,
        Input::bytes,
        "there is only one step",
        "one turn is one step",
        "Several steps are legal, but one turn of the lane never needs them; pages draw a line "
        "between steps."
    },
    Rule{
        "O5",
        Level::must,
        Input::bytes,
        "finish is there once, after finish-step (optional after error or abort)",
        "run on nine clients",
        "No client misses finish: a truncated answer looks like a complete one to its reader."
    },
    Rule{
        "O6",
        Level::must,
        Input::bytes,
        "[DONE] is there once",
        "AI SDK UI message stream protocol",
        "It is the only mark that distinguishes a complete body from one that was cut.",
        Scope::ui_streams
    },
    Rule{
        "O7",
        Level::must,
        Input::bytes,
        "nothing follows [DONE]",
        "run on nine clients",
        "Clients do not stop at [DONE]: they wait for the body's end, show the turn as running and "
        "apply what still comes.",
        Scope::ui_streams
    },
    Rule{
        "O8",
        Level::must,
        Input::bytes,
        "only [DONE] follows finish",
        "run on nine clients",
        "A page has stored the message at finish; what comes later is lost or shown only until "
        "reload."
    },
    Rule{
        "O9",
        Level::must,
        Input::bytes,
        "every start-step has its finish-step",
        "AI SDK UI message stream protocol",
        "Parts left open in a step stay marked as streaming, and the next turn sends them back so."
    },
    Rule{
        "O10",
        Level::must,
        Input::messages,
        "an answer to a request whose last message is from the assistant keeps its messageId",
        "run on nine clients",
        "With another id every client shows the old parts a second time, in a new message."
    },
    Rule{
        "P1",
        Level::must,
        Input::bytes,
        "a text or reasoning delta or end has an open start with the same id",
        "run on nine clients",
        "Newer clients end the turn in an error, older ones drop the text."
    },
    Rule{
        "P2",
        Level::must,
        Input::bytes,
        "a part is not started again while it is open",
        "run on nine clients",
        "The page shows two parts, and the first stays in state streaming for good."
    },
    Rule{
        "P3",
        Level::must,
        Input::bytes,
        "every text and reasoning part is ended before finish-step",
        "run on nine clients",
        "Clients forget open parts at finish-step: the part stays in state streaming for good."
    },
    Rule{
        "P4",
        Level::should,
        Input::bytes,
        "a part id is not used again after its end",
        "AI SDK UI message stream protocol",
        "It works, but logs and resumes can no longer distinguish the two parts."
    },
    Rule{
        "P5",
        Level::should,
        Input::bytes,
        "text and reasoning parts are not interleaved",
        "AI SDK UI message stream protocol",
        "It works, but the page shows two texts growing at once."
    },
    Rule{
        "T1",
        Level::must,
        Input::bytes,
        "tool-input-delta has an open tool-input-start; a tool output has a tool-input-available",
        "run on nine clients",
        "A client cannot place the output: the turn ends in an error or the call is lost."
    },
    Rule{
        "T2",
        Level::must,
        Input::bytes,
        "one tool-input-start, one tool-input-available and one output per toolCallId",
        "run on nine clients",
        "The call is shown twice, or its first result is overwritten."
    },
    Rule{
        "T3",
        Level::must,
        Input::bytes,
        "no call is left with unfinished input at finish-step",
        "run on nine clients",
        "The call stays in state input-streaming for good and is sent back so with the next turn."
    },
    Rule{
        "T4",
        Level::should,
        Input::bytes,
        "every call has an output at finish-step (open only when the client must act)",
        "run on nine clients",
        "The page waits for its own user to give the result; right for approvals and for functions "
        "of the page (finishReason tool-calls), wrong for calls the server ran."
    },
    Rule{
        "T5",
        Level::must,
        Input::bytes,
        "dynamic and toolName are the same on every chunk of a call",
        "run on nine clients",
        "AI SDK 5 fails or leaves the call open; others show two parts."
    },
    Rule{
        "T6",
        Level::should,
        Input::bytes,
        "the joined tool-input-delta text is the JSON of input",
        "AI SDK UI message stream protocol",
        "The page shows one input while it streams and another when it is complete."
    },
    Rule{
        "E1",
        Level::must,
        Input::bytes,
        "there is at most one error",
        "run on nine clients",
        "Pages stop reading at the first error: the second is never seen."
    },
    Rule{
        "E2",
        Level::must,
        Input::bytes,
        "text and reasoning parts are ended before error",
        "run on nine clients",
        "Pages stop reading at the error, so the part stays in state streaming for good."
    },
    Rule{
        "E3",
        Level::must,
        Input::bytes,
        "open tool calls get tool-output-error before error",
        "run on nine clients",
        "Pages stop reading at the error: the call looks as if it still ran, and an automatic page "
        "waits for it."
    },
    Rule{
        "E4",
        Level::must,
        Input::bytes,
        "only finish-step, finish and [DONE] follow error or abort",
        "run on nine clients",
        "Pages stop reading at the error: what follows is never seen."
    },
    Rule{
        "R1",
        Level::must,
        Input::resume,
        "a resume answer is 204 or 200",
        "run on nine clients",
        "Any other status is shown to the user as an error when the page is merely reloaded."
    },
    Rule{
        "R2",
        Level::must,
        Input::resume,
        "a 204 has no body",
        "RFC 9110 15.3.5",
        "Bytes behind a 204 are read as the next answer on the same connection."
    },
    Rule{
        "R3",
        Level::must,
        Input::resume,
        "a resume replays from start (same messageId as the recording)",
        "run on nine clients",
        "Clients rebuild the message from its start; with another id they show the answer twice."
    },
    Rule{
        "R4",
        Level::must,
        Input::resume,
        "the replay repeats the recorded chunks in the same order",
        "run on nine clients",
        "A reload would change what the user has already read."
    },
};

} // namespace oa_stream::contract
