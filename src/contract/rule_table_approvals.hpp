// Rules Q: the additions of profile ai-sdk-6. AI SDK 6 and later let a person decide on a call. AI
// SDK 5 refuses both chunks, so a stream has them only for a client that requested them.
#pragma once

#include "oa_stream/contract/rules.hpp"

#include <array>

namespace oa_stream::contract {

inline constexpr std::array k_approval_rules{
    Rule{
        "Q1",
        Level::must,
        Input::bytes,
        "tool-approval-request names a call that has its input and no output yet",
        "run on six clients",
        "Clients look the call up: an unknown one ends the turn in an error, a finished one asks "
        "for a decision that no turn waits for.",
        Scope::ai_sdk_6
    },
    Rule{
        "Q2",
        Level::must,
        Input::bytes,
        "an approvalId is asked for once",
        "AI SDK 6 UI message stream protocol",
        "The answer names the approval alone: a second one with its id would get the first one's "
        "decision.",
        Scope::ai_sdk_6
    },
    Rule{
        "Q3",
        Level::must,
        Input::bytes,
        "tool-output-denied ends a call whose approval was asked for",
        "run on six clients",
        "The page shows a denial that its user never gave.",
        Scope::ai_sdk_6
    },
};

} // namespace oa_stream::contract
