// Rules V: OpenAI's Responses API (/v1/responses), streamed and whole.
#pragma once

#include "oa_stream/contract/rules.hpp"

#include <array>

namespace oa_stream::contract {

inline constexpr std::string_view k_responses_api = "OpenAI Responses API";
inline constexpr std::string_view k_responses_clients =
    "run on openai 7.55.0 and 4.104.0, AI SDK 7.0.173, @openai/agents 0.20.0, LangChain 1.0.0";

inline constexpr std::array k_responses_rules{
    Rule{
        "V1",
        Level::must,
        Input::bytes,
        "an event has type and sequence_number, which counts from 0, and event: names its type",
        k_responses_api,
        "Clients choose what to do by the type; a gap in the numbers is a lost event.",
        Scope::responses_stream
    },
    Rule{
        "V2",
        Level::must,
        Input::bytes,
        "response.created comes first, then response.in_progress, once each, in_progress and with "
        "no output",
        k_responses_clients,
        "Clients collect into the response of the first event and stop with an error without it.",
        Scope::responses_stream
    },
    Rule{
        "V3",
        Level::must,
        Input::bytes,
        "a response has id (resp_…), object, created_at (seconds), status, model, output, error, "
        "incomplete_details, instructions, metadata, tools, tool_choice and parallel_tool_calls",
        k_responses_api,
        "Clients read these members without a look at what is there.",
        Scope::responses
    },
    Rule{
        "V4",
        Level::must,
        Input::bytes,
        "id, created_at and model are the same in every response of a stream",
        k_responses_api,
        "The next request names the id as previous_response_id.",
        Scope::responses_stream
    },
    Rule{
        "V5",
        Level::must,
        Input::bytes,
        "an item is a message, a function_call or reasoning, with an id (and call_id) of its own "
        "and all its members; in a completed response it is completed",
        k_responses_api,
        "Clients keep items and send them back: what is missing is lost to the next request.",
        Scope::responses
    },
    Rule{
        "V6",
        Level::must,
        Input::bytes,
        "an item begins with response.output_item.added at the next output_index and ends with "
        "response.output_item.done of the same id, type, call_id and name",
        k_responses_clients,
        "Clients collect items by their index; pieces of an item that never began have no place.",
        Scope::responses_stream
    },
    Rule{
        "V7",
        Level::must,
        Input::bytes,
        "a piece is inside its item and its part, names both, and is not empty",
        k_responses_clients,
        "Pieces are put together by item_id and index; elsewhere they spoil another answer.",
        Scope::responses_stream
    },
    Rule{
        "V8",
        Level::must,
        Input::bytes,
        "the done events repeat the pieces (and the name of a call), and so does the item",
        k_responses_api,
        "Some clients show the pieces and some the whole: their users would read two answers.",
        Scope::responses_stream
    },
    Rule{
        "V9",
        Level::must,
        Input::bytes,
        "the stream ends with one response.completed, .incomplete or .failed, whose status agrees, "
        "or with error, alone or directly before response.failed, and nothing follows",
        k_responses_clients,
        "It is the only mark that distinguishes a complete answer from one that was cut.",
        Scope::responses_stream
    },
    Rule{
        "V10",
        Level::must,
        Input::bytes,
        "the final output has the items of the stream, in their order, and none is left open "
        "unless the response failed",
        k_responses_clients,
        "Clients take the final response for the answer, whatever came before.",
        Scope::responses_stream
    },
    Rule{
        "V11",
        Level::must,
        Input::bytes,
        "a failed response has error (code and message), an incomplete one incomplete_details "
        "(reason), a completed one neither; the event error has a message",
        k_responses_api,
        "Clients show and branch on them; a completed answer with an error is read as both.",
        Scope::responses
    },
    Rule{
        "V12",
        Level::must,
        Input::bytes,
        "usage is null until the end; counts are whole numbers, total_tokens is their sum, and "
        "they are not all 0 beside an output",
        k_responses_api,
        "Invented numbers are worse than none: budgets and bills are made from them.",
        Scope::responses
    },
    Rule{
        "V13",
        Level::must,
        Input::bytes,
        "the body does not end in silence",
        k_responses_clients,
        "Clients that only collect text take a silent end for success and show the cut answer.",
        Scope::responses_stream
    },
    Rule{
        "V14",
        Level::should,
        Input::bytes,
        "no events but the contract's",
        k_responses_api,
        "Clients act on them, and their meaning here is not defined.",
        Scope::responses_stream
    },
    Rule{
        "V15",
        Level::should,
        Input::bytes,
        "error stands directly before response.failed",
        k_responses_clients,
        "LangChain, openai 4 and 5 and AI SDK 5 do not read response.failed: they take what came "
        "before it for a complete answer.",
        Scope::responses_stream
    },
};

} // namespace oa_stream::contract
