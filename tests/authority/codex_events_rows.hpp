// Items of every tool, as started and as completed, and the events they mean.
#pragma once

#include "codex_events_transcript.hpp"

namespace oa_stream::authority::test {

struct ToolRow {
    const char* name;
    const char* started;
    const char* completed;
    Lines want;
};

/// Of a call without arguments.
inline Lines failed(const char* call, const char* name, const char* why) {
    return want(
        ToolOpened{call, name}, ToolInputReady{call, Json::object()}, ToolFailed{call, why}
    );
}

inline std::vector<ToolRow> tool_rows() {
    return {

        {"a patch",
         R"({"type":"fileChange","id":"f","status":"inProgress","changes":[{"path":"/w/a","kind":{"type":"update","move_path":"/w/b"},"diff":"d"}]})",
         R"({"type":"fileChange","id":"f","status":"completed","changes":[{"path":"/w/a","kind":{"type":"update","move_path":"/w/b"},"diff":"d"}]})",
         want(
             ToolOpened{"f", "apply_patch"},
             ToolInputReady{
                 "f",
                 object(R"({"changes":[{"path":"a","kind":"update","movePath":"b","diff":"d"}]})")
             },
             ToolOutput{"f", object(R"({"status":"completed"})")}
         )},
        {"a patch announced before its changes are known",
         R"({"type":"fileChange","id":"f","status":"inProgress","changes":[]})",
         R"({"type":"fileChange","id":"f","status":"failed","changes":[{"path":"/w/a","kind":{"type":"add"},"diff":"d"}]})",
         want(
             ToolOpened{"f", "apply_patch"},
             ToolInputReady{"f", object(R"({"changes":[{"path":"a","kind":"add","diff":"d"}]})")},
             ToolFailed{"f", "The change could not be applied."}
         )},
        {"a declined patch",
         R"({"type":"fileChange","id":"f","status":"inProgress","changes":[]})",
         R"({"type":"fileChange","id":"f","status":"declined","changes":[]})",
         want(
             ToolOpened{"f", "apply_patch"},
             ToolInputReady{"f", object(R"({"changes":[]})")},
             ToolFailed{"f", "The change was declined."}
         )},
        {"an MCP tool, without _meta",
         R"({"type":"mcpToolCall","id":"m","server":"my.srv","tool":"do it","arguments":{"a":1},"status":"inProgress"})",
         R"({"type":"mcpToolCall","id":"m","server":"my.srv","tool":"do it","arguments":{"a":1},"status":"completed","result":{"content":[{"type":"text","text":"x"}],"structuredContent":null,"_meta":{"k":1}}})",
         want(
             ToolOpened{"m", "my_srv__do_it"},
             ToolInputReady{"m", object(R"({"a":1})")},
             ToolOutput{"m", object(R"({"content":[{"type":"text","text":"x"}]})")}
         )},
        {"a failed MCP tool shows what it answered",
         R"({"type":"mcpToolCall","id":"m","server":"s","tool":"t","arguments":null,"status":"inProgress"})",
         R"({"type":"mcpToolCall","id":"m","server":"s","tool":"t","arguments":null,"status":"failed","result":{"content":[{"type":"text","text":"no such row"}]}})",
         failed("m", "s__t", "no such row")},
        {"an MCP error's own text is not told",
         R"({"type":"mcpToolCall","id":"m","server":"s","tool":"t","arguments":{},"status":"inProgress"})",
         R"({"type":"mcpToolCall","id":"m","server":"s","tool":"t","arguments":{},"status":"failed","result":null,"error":{"message":"spawn /home/u/bin failed: key sk-1"}})",
         failed("m", "s__t", "The call failed.")},
        {"an MCP call that needed an approval says so",
         R"({"type":"mcpToolCall","id":"m","server":"s","tool":"t","arguments":{},"status":"inProgress"})",
         R"({"type":"mcpToolCall","id":"m","server":"s","tool":"t","arguments":{},"status":"failed","error":{"message":"MCP tool call requires approval, but approval policy is never"}})",
         failed("m", "s__t", "The call needed an approval that is not given here.")},
        {"a dynamic tool",
         R"({"type":"dynamicToolCall","id":"d","namespace":null,"tool":"lookup","arguments":{"q":1},"status":"inProgress"})",
         R"({"type":"dynamicToolCall","id":"d","namespace":null,"tool":"lookup","arguments":{"q":1},"status":"failed","contentItems":[{"type":"inputText","text":"x"}],"success":false})",
         want(
             ToolOpened{"d", "lookup"},
             ToolInputReady{"d", object(R"({"q":1})")},
             ToolOutput{
                 "d", object(R"({"content":[{"type":"inputText","text":"x"}],"success":false})")
             }
         )},
        {"a dynamic tool with the name of one of codex's",
         R"({"type":"dynamicToolCall","id":"d","namespace":null,"tool":"fn_web_search","arguments":{},"status":"inProgress"})",
         R"({"type":"dynamicToolCall","id":"d","namespace":null,"tool":"fn_web_search","arguments":{},"status":"failed","contentItems":null,"success":null})",
         failed("d", "web_search", "The call failed.")},
        {"a dynamic tool without an answer",
         R"({"type":"dynamicToolCall","id":"d","namespace":"n","tool":"lookup","arguments":{},"status":"inProgress"})",
         R"({"type":"dynamicToolCall","id":"d","namespace":"n","tool":"lookup","arguments":{},"status":"failed","contentItems":null,"success":null})",
         failed("d", "n__lookup", "The call failed.")},
        {"a web search knows its query at its end",
         R"({"type":"webSearch","id":"w","query":"","action":{"type":"other"}})",
         R"({"type":"webSearch","id":"w","query":"cats","action":{"type":"search","query":"cats","queries":null},"results":[1]})",
         want(
             ToolOpened{"w", "web_search"},
             ToolInputReady{"w", object(R"({"query":"cats","action":"search"})")},
             ToolOutput{"w", object(R"({"status":"completed","results":[1]})")}
         )},
        {"an agent call keeps thread ids to itself",
         R"({"type":"collabAgentToolCall","id":"a","tool":"spawnAgent","status":"inProgress","prompt":"go","model":null,"senderThreadId":"t","receiverThreadIds":["z"]})",
         R"({"type":"collabAgentToolCall","id":"a","tool":"spawnAgent","status":"interrupted","prompt":"go","model":null,"senderThreadId":"t","receiverThreadIds":["z"]})",
         want(
             ToolOpened{"a", "agent__spawnAgent"},
             ToolInputReady{"a", object(R"({"prompt":"go"})")},
             ToolFailed{"a", "The agent did not finish."}
         )},
    };
}

} // namespace oa_stream::authority::test
