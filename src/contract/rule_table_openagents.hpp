// Rules A: the dialect of the retired stream lane, so that old revisions can still be judged.
#pragma once

#include "oa_stream/contract/rules.hpp"

#include <array>

namespace oa_stream::contract {

inline constexpr std::string_view k_adapter = "frames of the retired stream adapter";
inline constexpr std::string_view k_mapping = "codex-khala-vercel-sse-mapping-v1";

inline constexpr std::array k_openagents_rules{
    Rule{
        "A1",
        Level::must,
        Input::bytes,
        "type is one of the retired adapter's nine frames",
        k_adapter,
        "The old clients know no others; another type means that this is not the retired lane.",
        Scope::openagents_v1
    },
    Rule{
        "A2",
        Level::must,
        Input::bytes,
        "each frame has its members with the right JSON type, and no others",
        k_adapter,
        "Old clients and goldens compare frames member by member.",
        Scope::openagents_v1
    },
    Rule{
        "A3",
        Level::must,
        Input::bytes,
        "start is the first frame and is there once (a failed preview may be an error alone)",
        k_mapping,
        "Without start the client does not know the thread it reads.",
        Scope::openagents_v1
    },
    Rule{
        "A4",
        Level::must,
        Input::bytes,
        "start-step is there once, after start; texts, tools and errors come after it",
        k_mapping,
        "Frames in front of it belong to no turn and are dropped.",
        Scope::openagents_v1
    },
    Rule{
        "A5",
        Level::must,
        Input::bytes,
        "one text-start per item, before its first text-delta",
        k_mapping,
        "A delta without its start has no place in the page.",
        Scope::openagents_v1
    },
    Rule{
        "A6",
        Level::must,
        Input::bytes,
        "one tool-input per call, before its first tool-output",
        k_mapping,
        "An output without its input cannot be shown.",
        Scope::openagents_v1
    },
    Rule{
        "A7",
        Level::should,
        Input::bytes,
        "the last tool-output of a call carries its status",
        k_mapping,
        "Without it the call looks as if it still ran.",
        Scope::openagents_v1
    },
    Rule{
        "A8",
        Level::must,
        Input::bytes,
        "finish-step is there once, after the content; only a failed turn goes without",
        k_mapping,
        "The client takes the turn's status from it.",
        Scope::openagents_v1
    },
    Rule{
        "A9",
        Level::must,
        Input::bytes,
        "finish is there once, last before [DONE]; after an error its status is error",
        k_mapping,
        "A failed turn that finishes as completed looks like a success.",
        Scope::openagents_v1
    },
    Rule{
        "A10",
        Level::must,
        Input::bytes,
        "there is at most one error, and only finish follows it",
        k_mapping,
        "The client shows the first error; what follows is never seen.",
        Scope::openagents_v1
    },
    Rule{
        "A11",
        Level::should,
        Input::bytes,
        "threadId and turnId are the same on every frame (text-start may have an empty turnId)",
        k_adapter,
        "A mixed stream carries frames of another turn.",
        Scope::openagents_v1
    },
};

} // namespace oa_stream::contract
