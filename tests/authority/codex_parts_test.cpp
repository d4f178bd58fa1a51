// The pure parts of the codex authority.
#include "oa_stream/authority/codex_facts.hpp"
#include "oa_stream/authority/function_names.hpp"

#include "codex/codex_answers.hpp"
#include "codex/codex_history.hpp"
#include "codex/codex_refusals.hpp"
#include "codex/codex_requests.hpp"
#include "codex/events/codex_events.hpp"
#include "codex/process/codex_catalog.hpp"
#include "codex/process/codex_profile.hpp"
#include "codex/process/codex_toml.hpp"
#include "harness.hpp"
#include "turn_queue.hpp"

using namespace oa_test;

TEST_CASE("toml: a value is quoted so that it can end neither its string nor its line") {
    CHECK(toml_string("plain") == R"("plain")");
    CHECK(toml_string("a\"b\\c\nd\x7f") == "\"a\\\"b\\\\c\\u000Ad\\u007F\"");
    CHECK(toml_string("Zażółć") == "\"Zażółć\"");
}

TEST_CASE("toml: what a config promises is read from its top level only") {
    const ConfigFacts facts = read_config_facts(R"(
# model = "commented"
model = "one"   # why
model_provider = 'two'
instructions = """
approval_policy = "inside a text"
"""
approval_policy = "never"
sandbox_mode="read-only"
[model_providers.two]
env_key = "KEY_A"
model = "not top level"
[model_providers.three]
env_key = "KEY_B"
[model_providers]
four = { name = "inline", env_key = "KEY_\u0043" }
five = { env_key = 'KEY_B', query_params = { "env_key.x" = "no" } }
)");
    CHECK(facts.model == "one");
    CHECK(facts.provider == "two");
    CHECK(facts.approval_policy == "never");
    CHECK(facts.sandbox_mode == "read-only");
    CHECK(
        facts.env_keys == std::vector<std::string>{"KEY_B", "KEY_C", "KEY_A"}
    ); // by name of table
    CHECK_FALSE(read_config_facts("model = 3\nmodel_provider = \"open").model.has_value());
}

TEST_CASE("profile: both promise their provider, policy and sandbox, chat offers no tool") {
    CodexOptions options;
    options.model = "m";
    options.provider_base_url = "http://127.0.0.1:1/v1/";
    options.provider_env_key = "THE_KEY";
    const std::string chat = profile_config(options, "/x/catalog.json");
    const ConfigFacts facts = read_config_facts(chat);
    CHECK(facts.model == "m");
    CHECK(facts.provider == k_provider_id);
    CHECK(facts.approval_policy == "never");
    CHECK(facts.sandbox_mode == "read-only");
    CHECK(facts.env_keys == std::vector<std::string>{"THE_KEY"});
    CHECK(chat.contains("base_url = \"http://127.0.0.1:1/v1\"\n"));
    CHECK(chat.contains("model_catalog_json = \"/x/catalog.json\"\n"));
    CHECK(chat.contains("shell_tool = false\n"));
    CHECK(chat.contains("unbounded_connection_retries = false\n"));
    CHECK(chat.contains("\ntool_output_token_limit = "));

    options.profile = CodexProfile::agent;
    options.provider_env_key.clear();
    const std::string agent = profile_config(options, "");
    CHECK(read_config_facts(agent).approval_policy == "on-request");
    CHECK(read_config_facts(agent).sandbox_mode == std::nullopt);
    CHECK(read_config_facts(agent).permissions == "oa_stream");
    CHECK(read_config_facts(agent).env_keys.empty());
    CHECK_FALSE(agent.contains("shell_tool"));
    CHECK_FALSE(agent.contains("tool_output_token_limit")); // it would hold for commands as well
    CHECK_FALSE(agent.contains("model_catalog_json"));
}

TEST_CASE("catalog: a built-in model keeps its entry but nothing that brings tools") {
    const std::string models = R"({"models":[
        {"slug":"other"},
        {"slug":"m","base":"kept","apply_patch_tool_type":"freeform","tool_mode":"code_mode_only",
         "experimental_supported_tools":["clock"],"supports_search_tool":true}]})";
    const Json made = must(parse_json(must(tool_free_catalog(models, {"m"}))));
    REQUIRE(made["models"].size() == 1);
    const Json& entry = made["models"][0];
    CHECK(entry["base"] == "kept");
    CHECK(entry["apply_patch_tool_type"].is_null());
    CHECK(entry["tool_mode"] == "direct");
    CHECK(entry["experimental_supported_tools"].empty());
    CHECK(entry["supports_search_tool"] == false);
    CHECK(must(tool_free_catalog(models, {"unknown"})).empty());
    const Json both = must(parse_json(must(tool_free_catalog(models, {"unknown", "m", "other"}))));
    CHECK(both["models"].size() == 2);
    CHECK(tool_free_catalog("[]", {"m"}).error().code == Code::protocol);
    CHECK(tool_free_catalog("<html>", {"m"}).error().code == Code::protocol);
}

TEST_CASE("codex catalog: a model's efforts are those its entry names") {
    const std::string models =
        R"({"models":[{"slug":"a"},{"slug":"m","supported_reasoning_levels":)"
        R"([{"effort":"low","description":"x"},{"effort":"huge"},{"other":1}]}]})";
    CHECK(advertised_efforts(models, "m") == std::vector<std::string>{"low", "huge"});
    CHECK(advertised_efforts(models, "a").empty());
    CHECK(advertised_efforts(models, "unknown").empty());
    CHECK(advertised_efforts("<html>", "m").empty());
    CHECK(advertised_efforts(R"({"models":5})", "m").empty());
}

TEST_CASE("codex catalog: model/list says which efforts a model takes") {
    const auto models = listed_models(Json::parse(
        R"({"data":[{"model":"m","defaultReasoningEffort":"low","supportedReasoningEfforts":)"
        R"([{"reasoningEffort":"low"},{"reasoningEffort":"high"},{"other":1}]},{"id":"no name"}]})"
    ));
    REQUIRE(models.size() == 1);
    CHECK(models[0].id == "m");
    CHECK(models[0].default_effort == "low");
    CHECK(models[0].efforts == std::vector<std::string>{"low", "high"});
    CHECK(listed_models(Json::parse(R"({"data":5})")).empty());
}

TEST_CASE("answers: every question of codex has one that lets the turn go on") {
    struct Row {
        const char* method;
        const char* body;
    };
    const auto row = GENERATE(
        Row{"item/commandExecution/requestApproval", R"({"result":{"decision":"decline"}})"},
        Row{"item/fileChange/requestApproval", R"({"result":{"decision":"decline"}})"},
        Row{"item/permissions/requestApproval", R"({"result":{"permissions":{},"scope":"turn"}})"},
        Row{"item/tool/requestUserInput", R"({"result":{"answers":{"q1":{"answers":[]}}}})"},
        Row{"mcpServer/elicitation/request",
            R"({"result":{"action":"decline","content":null,"_meta":null}})"},
        Row{"item/tool/call",
            R"({"result":{"contentItems":[{"type":"inputText","text":"This tool is not available."}],"success":false}})"
        },
        Row{"execCommandApproval",
            R"({"result":{"decision":{"denied":{"rejection":"not allowed here"}}}})"},
        Row{"attestation/generate",
            R"({"error":{"code":-32000,"message":"not supported by this client"}})"}
    );
    CAPTURE(row.method);
    const Json params = must(parse_json(R"({"questions":[{"id":"q1"},{"no":"id"},7]})"));
    const ServerAnswer answer = answer_server_request(row.method, params);
    CHECK(dump_json(answer.body) == row.body);
    CHECK(answer.known);
}

TEST_CASE("answers: an unknown question is refused, never left open") {
    const ServerAnswer answer = answer_server_request("future/thing", Json());
    CHECK_FALSE(answer.known);
    CHECK(answer.body["error"]["code"] == -32'601);
}

TEST_CASE("refusals: codex's texts become codes by one table") {
    struct Row {
        std::int64_t code;
        const char* text;
        RefusalKind kind;
        Code want;
    };
    const auto row = GENERATE(
        Row{-32'001, "Server overloaded; retry later.", RefusalKind::overloaded, Code::unavailable},
        Row{-32'600, "thread not found: x", RefusalKind::thread_not_loaded, Code::not_found},
        Row{-32'600,
            "no rollout found for thread id x",
            RefusalKind::thread_unknown,
            Code::not_found},
        Row{-32'600, "invalid thread id: bad", RefusalKind::thread_unknown, Code::not_found},
        Row{-32'600, "turn not found: x", RefusalKind::turn_unknown, Code::precondition},
        Row{-32'600,
            "lastTurnId 'x' identifies an in-progress turn",
            RefusalKind::turn_unended,
            Code::conflict},
        Row{-32'600,
            "session x is archived. Run `codex unarchive x` to unarchive it first.",
            RefusalKind::thread_archived,
            Code::protocol},
        Row{-32'600,
            "thread x already has an active writer",
            RefusalKind::thread_in_use,
            Code::conflict},
        Row{-32'600, "failed to load configuration: x", RefusalKind::bad_config, Code::config},
        Row{-32'600,
            "dynamic tool input schema is not supported for f: invalid type: map, expected a "
            "string",
            RefusalKind::bad_function,
            Code::usage},
        Row{-32'603,
            "failed to list thread history: thread-store internal error: failed to open thread "
            "history database: error returned from database: (code: 4874) disk I/O error",
            RefusalKind::store_away,
            Code::unavailable},
        Row{-32'603,
            "error resuming thread: Fatal error: Failed to initialize session: thread-store "
            "internal error: failed to resume local thread recorder: Disk quota exceeded",
            RefusalKind::store_away,
            Code::unavailable},
        Row{-32'603, "thread-store internal error: bad row", RefusalKind::other, Code::protocol},
        Row{-32'600, "no such tool: disk I/O error", RefusalKind::other, Code::protocol},
        Row{-32'600, "who knows", RefusalKind::other, Code::protocol}
    );
    CAPTURE(row.text);
    CHECK(kind_of({row.code, row.text}) == row.kind);
    CHECK(error_of({row.code, row.text}, "m").code == row.want);
}

TEST_CASE("refusals: a function that codex cannot read is named as its client calls it") {
    const auto at = [](const char* name) {
        return error_of(
                   {-32'600,
                    std::string("dynamic tool input schema is not supported for ") + name +
                        ": invalid type: map, expected a string"},
                   "thread/start"
        )
            .where;
    };
    CHECK(at("area") == "tools.area");
    CHECK(at("fn_web_search") == "tools.web_search");
}

TEST_CASE("requests: a turn carries what was asked and nothing else") {
    TurnRequest request = ask("hi");
    request.input.emplace_back(InputImage{"data:image/png;base64,AA=="});
    CHECK(
        dump_json(turn_start_params("T", request)) ==
        R"({"threadId":"T","input":[{"type":"text","text":"hi"},{"type":"image","url":"data:image/png;base64,AA=="}]})"
    );
    request.client_message_id = "c1";
    request.effort = "high";
    request.output_schema = Json::object({{"type", "object"}});
    const Json full = turn_start_params("T", request);
    CHECK(full["clientUserMessageId"] == "c1");
    CHECK(full["effort"] == "high");
    CHECK(full["outputSchema"]["type"] == "object");
}

TEST_CASE("requests: seeds become raw items with the text type of their role") {
    const Json params =
        inject_params("T", {{SeedMessage::Role::user, "q"}, {SeedMessage::Role::assistant, "a"}});
    CHECK(
        dump_json(params) ==
        R"({"threadId":"T","items":[{"type":"message","role":"user","content":[{"type":"input_text","text":"q"}]},)"
        R"({"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"}]}]})"
    );
    SeedMessage early{.role = SeedMessage::Role::assistant, .text = "a"};
    early.phase = turn::TextPhase::commentary;
    CHECK(inject_params("T", {early})["items"][0]["phase"] == "commentary");
}

TEST_CASE("requests: a function with the name of one of codex's tools is called otherwise there") {
    struct Name {
        std::string_view client;
        std::string_view codex;
    };
    constexpr std::array<Name, 7> k_names{{
        {"weather", "weather"},
        {"web_search", "fn_web_search"},
        {"mcp__a__b", "fn_mcp__a__b"},
        {"mcp", "fn_mcp"},
        {"mcp_a", "mcp_a"},
        {"fn_weather", "fn_weather"},
        {"fn_web_search", "fn_fn_web_search"},
    }};
    for (const auto& [client, codex] : k_names) {
        CAPTURE(client);
        CHECK(name_for_codex(client) == codex);
        CHECK(name_for_client(codex) == client);
        Json start = Json::object();
        add_tools(start, {{.name = std::string(client)}});
        CHECK(start["dynamicTools"][0]["name"] == codex);
        SeedMessage made{.role = SeedMessage::Role::assistant, .text = ""};
        made.calls.push_back({"c", std::string(client), "{}"});
        CHECK(inject_params("T", {made})["items"][0]["name"] == codex);
    }
    // A history has calls of functions that are not offered any more.
    const std::string longest = "mcp__" + std::string(k_longest_function_name - 5, 'x');
    SeedMessage before{.role = SeedMessage::Role::assistant, .text = ""};
    before.calls.push_back({"c", longest, "{}"});
    CHECK(inject_params("T", {before})["items"][0]["name"] == longest);
}

TEST_CASE("requests: another provider, policy or sandbox than configured is refused by name") {
    const ConfigFacts facts{
        .provider = "p", .approval_policy = "never", .sandbox_mode = "read-only"
    };
    const auto result = [](const char* provider, const char* policy, const char* sandbox) {
        Json json = Json::object({{"thread", Json::object({{"id", "T"}})}, {"model", "m"}});
        json["modelProvider"] = provider;
        json["approvalPolicy"] = policy;
        json["sandbox"] = Json::object({{"type", sandbox}});
        return json;
    };
    CHECK(must(check_thread(result("p", "never", "readOnly"), facts)).model == "m");
    const auto message = [&](const Json& json) {
        const auto checked = check_thread(json, facts);
        REQUIRE_FALSE(checked.has_value());
        CHECK(checked.error().code == Code::precondition);
        return checked.error().message;
    };
    CHECK(
        message(result("q", "never", "readOnly")) ==
        "codex runs with model provider q, configured is p"
    );
    CHECK(
        message(result("p", "on-request", "readOnly")) ==
        "codex runs with approval policy on-request, configured is never"
    );
    CHECK(
        message(result("p", "never", "dangerFullAccess")) ==
        "codex runs with sandbox dangerFullAccess, configured is readOnly"
    );
    CHECK(check_thread(Json::object(), facts).error().code == Code::protocol);
    CHECK(check_thread(result("q", "x", "y"), {}).has_value()); // a config that promises nothing
}

TEST_CASE("requests: the version is read from the user agent") {
    CHECK(
        version_of_user_agent("oa_stream/0.169.0 (Debian 12; x86_64) unknown (x; 1)") == "0.169.0"
    );
    CHECK(version_of_user_agent("oa_stream/0.170.0-alpha.3 (x)") == "0.170.0-alpha.3");
    CHECK(version_of_user_agent("nothing") == "");
    CHECK(is_tested_codex("0.169.0"));
    CHECK(is_tested_codex("0.171.0"));
    CHECK_FALSE(is_tested_codex("0.170.1"));
    CHECK_FALSE(is_tested_codex("0.1690.0"));
    CHECK_FALSE(is_tested_codex(""));
}

TEST_CASE("history: a stored turn keeps ids, user text, whole parts and its outcome") {
    const Json turn = must(parse_json(R"({"id":"T1","status":"completed","error":null,
        "startedAt":10,"completedAt":12,"items":[
        {"type":"userMessage","id":"u1","clientId":"mine","content":[{"type":"text","text":"a"},
            {"type":"image","url":"x"},{"type":"text","text":"b"}]},
        {"type":"agentMessage","id":"msg_1","text":"first"},
        {"type":"agentMessage","id":"msg_1","text":"second"}]})"));
    const PastTurn past = past_turn(turn, "/work");
    CHECK(past.id == "T1");
    CHECK(past.user_text == "a\nb");
    CHECK(past.user_item_id == "u1");
    CHECK(past.client_message_id == "mine");
    CHECK(past.started_at == 10);
    CHECK(past.completed_at == 12);
    CHECK_FALSE(past.running);
    REQUIRE(past.events.size() == 6);
    const auto& first = std::get<turn::PartOpened>(past.events[0]);
    const auto& second = std::get<turn::PartOpened>(past.events[3]);
    CHECK(first.id != second.id); // a provider's id may repeat, a part's may not
}

TEST_CASE("history: what codex lists as it ended is told as it began") {
    const auto order = [](std::string_view items) {
        std::string out;
        const Json turn = must(parse_json(fmt::format(R"({{"id":"T","items":[{}]}})", items)));
        for (const auto& event : past_turn(turn, "").events) {
            const auto* opened = std::get_if<turn::ToolOpened>(&event);
            out += opened == nullptr ? "" : opened->call;
        }
        return out;
    };
    const auto call = [](char id, int began) {
        return fmt::format(
            R"({{"type":"dynamicToolCall","id":"{}","tool":"f","startedAtMs":{}}})", id, began
        );
    };
    CHECK(order(fmt::format("{},{},{}", call('c', 9), call('a', 7), call('b', 7))) == "abc");
    const auto* untimed = R"({"type":"dynamicToolCall","id":"x","tool":"f"})";
    CHECK(order(fmt::format("{0},{1},{0}", untimed, call('a', 7))) == "xax-2");
}

TEST_CASE("history: outcomes, the running turn and truncation") {
    const auto outcome = [](const char* status, const char* error) {
        return past_turn(
            must(parse_json(
                fmt::format(R"({{"id":"T","status":"{}","error":{},"items":[]}})", status, error)
            )),
            ""
        );
    };
    CHECK(outcome("interrupted", "null").outcome == turn::Outcome::interrupted);
    CHECK(outcome("inProgress", "null").running);
    CHECK(
        outcome("failed", R"({"message":"no","codexErrorInfo":"other"})").outcome ==
        turn::Outcome::failed
    );
    CHECK(
        outcome(
            "failed",
            R"({"message":"Incomplete response returned, reason: max_output_tokens","codexErrorInfo":"other"})"
        )
            .outcome == turn::Outcome::completed
    );
    // What the lists show in place of words that are not stored, and why a run failed.
    const auto cut = outcome(
        "failed",
        R"({"message":"Incomplete response returned, reason: content_filter","codexErrorInfo":"other"})"
    );
    REQUIRE(cut.events.size() == 1);
    CHECK(
        describe(cut.events[0]) ==
        describe(turn::TurnEnded{turn::Outcome::completed, turn::Finish::content_filter})
    );
    const auto full =
        outcome("failed", R"({"message":"x","codexErrorInfo":"contextWindowExceeded"})");
    REQUIRE(full.events.size() == 1);
    const auto* end = std::get_if<turn::TurnEnded>(&full.events[0]);
    REQUIRE(end != nullptr);
    REQUIRE(end->failure.has_value());
    CHECK(end->failure->cause == turn::FailureCause::context_length);
}

TEST_CASE("queue: refuses what would outgrow it and starts afresh when taken") {
    TurnQueue queue(10'000);
    const auto batch = [](std::size_t size) {
        EventBatch events;
        events.emplace_back(turn::PartDelta{"m", std::string(size, 'x')});
        return events;
    };
    CHECK(queue.push(batch(4'000)));
    CHECK(queue.push(batch(4'000)));
    CHECK_FALSE(queue.push(batch(4'000)));
    auto out = batch(1);
    queue.drain(out);
    CHECK(queue.empty());
    const auto size = [&](std::size_t at) {
        return std::get<turn::PartDelta>(out[at]).text.size();
    };
    REQUIRE(out.size() == 3);
    CHECK((size(0) == 1 && size(1) == 4'000 && size(2) == 4'000));
    CHECK(queue.push(batch(9'000)));
}

TEST_CASE("errors of a turn are told to clients by one table") {
    const auto code = [](Code what) {
        return failure_code_of(Error{.code = what, .message = "m"});
    };
    CHECK(code(Code::unavailable) == turn::FailureCode::authority_lost);
    CHECK(code(Code::timeout) == turn::FailureCode::authority_timeout);
    CHECK(code(Code::too_large) == turn::FailureCode::overloaded);
    CHECK(code(Code::protocol) == turn::FailureCode::codex_error);
}
