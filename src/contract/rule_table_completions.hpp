// Rules C: OpenAI chat completions, streamed and whole. Some hold for the Responses API too.
#pragma once

#include "oa_stream/contract/rules.hpp"

#include <array>

namespace oa_stream::contract {

inline constexpr std::string_view k_openai = "OpenAI chat completions API";
inline constexpr std::string_view k_five_clients =
    "run on openai 7.55.0 and 4.104.0, AI SDK 6.0.326, LangChain 1.0.0";

inline constexpr std::array k_completions_rules{
    Rule{
        "C1",
        Level::must,
        Input::headers,
        "HTTP status is 200, or 400 to 599 with an error object as the body",
        k_openai,
        "Clients choose their error class by the status and its text by the object; an error "
        "under 200 is read as an answer.",
        Scope::openai
    },
    Rule{
        "C2",
        Level::must,
        Input::headers,
        "a stream's head has x-should-retry: false",
        "openai-node",
        "A turn that began may have had effects; a client that asks again runs it twice.",
        Scope::openai_stream
    },
    Rule{
        "C3",
        Level::must,
        Input::headers,
        "429 and 503 have retry-after, and 429 has no x-should-retry: false, unless the code is "
        "insufficient_quota",
        k_five_clients,
        "Without them clients ask again at once, or give up although a slot is free in a second.",
        Scope::openai_whole
    },
    Rule{
        "C4",
        Level::must,
        Input::headers,
        "an answer that is not a stream is application/json",
        k_openai,
        "Clients parse by the content type: anything else is handed to their user as text.",
        Scope::openai_whole
    },
    Rule{
        "C5",
        Level::should,
        Input::headers,
        "x-request-id is on every answer, x-conc-limit and x-conc-active on those of turns and "
        "on 429",
        k_openai,
        "Behind an edge only the request id shows which log line an answer belongs to.",
        Scope::openai
    },
    Rule{
        "C6",
        Level::must,
        Input::bytes,
        "a chunk has id (chatcmpl-…), object, created (seconds), model and at most one choice, "
        "index 0, with its delta",
        k_openai,
        "Clients collect choices by index and stop with a type error at what is missing.",
        Scope::completions_stream
    },
    Rule{
        "C7",
        Level::must,
        Input::bytes,
        "id, created and model are the same on every chunk",
        k_openai,
        "The collected answer takes them from any chunk; a mixed stream carries another answer.",
        Scope::completions_stream
    },
    Rule{
        "C8",
        Level::must,
        Input::bytes,
        "the first chunk is the role, assistant and without text; it is there once",
        k_openai,
        "Clients that collect the message take its role from the first chunk, before any text.",
        Scope::completions_stream
    },
    Rule{
        "C9",
        Level::must,
        Input::bytes,
        "every delta between role and finish has text, reasoning or a tool call",
        k_openai,
        "Empty deltas draw a page again for nothing and count as the first token in probes.",
        Scope::completions_stream
    },
    Rule{
        "C10",
        Level::must,
        Input::bytes,
        "finish_reason is null until the finish, then stop, length, content_filter or tool_calls",
        k_five_clients,
        "Three of four clients take another word, error included, for success.",
        Scope::completions_stream
    },
    Rule{
        "C11",
        Level::must,
        Input::bytes,
        "the finish is there once, with an empty delta, and no delta follows",
        k_five_clients,
        "Collected answers keep the last reason, and text behind the finish is lost.",
        Scope::completions_stream
    },
    Rule{
        "C12",
        Level::must,
        Input::bytes,
        "usage is sent once, alone on a chunk without choices, behind the finish or right before "
        "an error",
        k_openai,
        "Clients read choices[0] of every chunk until the finish; bills are made from one usage.",
        Scope::completions_stream
    },
    Rule{
        "C13",
        Level::must,
        Input::bytes,
        "counts are whole numbers, total is their sum, and they are not all 0 beside a text",
        k_openai,
        "Invented numbers are worse than none: budgets and bills are made from them.",
        Scope::completions
    },
    Rule{
        "C14",
        Level::must,
        Input::bytes,
        "an error has message, type, code, and param (text or null), and no choices beside it; "
        "type fits its place",
        k_five_clients,
        "Clients show and branch on them; what is missing reads as undefined, and AI SDK takes "
        "choices for an answer without an error.",
        Scope::openai
    },
    Rule{
        "C15",
        Level::must,
        Input::bytes,
        "an error is sent once, instead of the finish, and nothing follows it",
        k_five_clients,
        "[DONE] is the mark of success; behind an error it makes a failed answer look whole.",
        Scope::completions_stream
    },
    Rule{
        "C16",
        Level::must,
        Input::bytes,
        "[DONE] is there once, behind the finish, and nothing follows it",
        k_openai,
        "It is the only mark that distinguishes a complete answer from one that was cut; anything "
        "behind it belongs to no answer.",
        Scope::completions_stream
    },
    Rule{
        "C17",
        Level::must,
        Input::bytes,
        "the body ends with [DONE] or an error, never in silence",
        k_five_clients,
        "Two of four clients take a silent end for success and show the cut text as the answer.",
        Scope::completions_stream
    },
    Rule{
        "C18",
        Level::should,
        Input::bytes,
        "no members but the contract's (logprobs, function_call, … unless null)",
        k_openai,
        "Clients act on them, and their meaning here is not defined.",
        Scope::completions
    },
    Rule{
        "C19",
        Level::must,
        Input::bytes,
        "a whole body is one JSON object",
        k_openai,
        "Clients fail in their JSON parser and do not show the cause to their user.",
        Scope::openai_whole
    },
    Rule{
        "C20",
        Level::must,
        Input::bytes,
        "an answer has id (chatcmpl-…), object, created (seconds), model and one choice with "
        "message (role, content) and finish_reason",
        k_openai,
        "Clients read choices[0].message.content without a look at what is there.",
        Scope::completions_whole
    },
    Rule{
        "C21",
        Level::must,
        Input::bytes,
        "a tool call begins with its index (from 0 up), an id of its own that stays the same, type "
        "function and name; arguments follow; finish_reason is tool_calls with a call and never "
        "without one",
        k_openai,
        "Clients put calls together by index and run them when finish_reason says so; a call "
        "without an id of its own cannot be answered.",
        Scope::completions
    },
};

} // namespace oa_stream::contract
