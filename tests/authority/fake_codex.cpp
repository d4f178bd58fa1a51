// A scripted `codex app-server` that misbehaves on request. The prompt of a turn names the
// behaviour; the environment variable FAKE_MODE one for the start. Every line received is kept in
// CODEX_HOME/received.jsonl, so that tests can see what was asked and what was not.
#include "oa_stream/base/json_library.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace {

using Json = nlohmann::ordered_json;

void raw(const std::string& line) {
    std::cout << line << '\n' << std::flush;
}
void send(const Json& message) {
    raw(message.dump());
}

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

struct Stored {
    std::string id, prompt, text, status = "inProgress";
};
struct Thread {
    bool loaded = true;
    bool ephemeral = false;
    std::vector<Stored> turns{};
    std::string name{};
};

class Fake {
public:
    void serve();

private:
    void on_request(const std::string& method, const Json& params, const Json& id);
    void start_turn(const Json& params, const Json& id);
    void list_turns(const Json& params, const Json& id);
    void interrupt(const Json& params, const Json& id);

    static void reply(const Json& id, Json result) {
        send(Json::object({{"id", id}, {"result", std::move(result)}}));
    }
    static void refuse(const Json& id, int code, const std::string& message) {
        Json error = Json::object({{"code", code}, {"message", message}});
        send(Json::object({{"error", std::move(error)}, {"id", id}}));
    }
    void tell(const std::string& method, Json params) const {
        params["threadId"] = thread_;
        send(Json::object({{"method", method}, {"params", std::move(params)}, {"emittedAtMs", 1}}));
    }
    [[nodiscard]] Json turn_json(const Stored& turn) const {
        Json json =
            Json::object({{"id", turn.id}, {"items", Json::array()}, {"status", turn.status}});
        json["error"] = nullptr;
        return json;
    }
    [[nodiscard]] Json thread_result(const std::string& id) const {
        Json result = Json::object({{"thread", Json::object({{"id", id}})}});
        result["model"] = "fake-model";
        result["modelProvider"] = "fake";
        const std::string policy = environment("FAKE_POLICY");
        result["approvalPolicy"] = policy.empty() ? "never" : policy;
        const bool wrong = environment("FAKE_MODE") == "wrong-sandbox";
        result["sandbox"] = Json::object({{"type", wrong ? "dangerFullAccess" : "readOnly"}});
        return result;
    }
    Stored& turn() { return threads_[thread_].turns.back(); }

    void accept() { reply(start_id_, Json::object({{"turn", turn_json(turn())}})); }
    void begin() {
        status("active");
        tell("turn/started", Json::object({{"turn", turn_json(turn())}}));
        Json asked = Json::object({{"type", "userMessage"}, {"id", "u-" + turn().id}});
        tell("item/completed", Json::object({{"turnId", turn().id}, {"item", std::move(asked)}}));
    }
    void status(const char* type) const {
        tell("thread/status/changed", Json::object({{"status", Json::object({{"type", type}})}}));
    }
    void item(const char* what, const std::string& text) {
        Json item = Json::object({{"type", "agentMessage"}, {"id", "msg_1"}, {"text", text}});
        tell(what, Json::object({{"turnId", turn().id}, {"item", std::move(item)}}));
    }
    void delta(const std::string& text) {
        turn().text += text;
        tell(
            "item/agentMessage/delta",
            Json::object({{"turnId", turn().id}, {"itemId", "msg_1"}, {"delta", text}})
        );
    }
    void usage(int total, int last) {
        const auto counts = [](int n) {
            return Json::object(
                {{"inputTokens", n},
                 {"cachedInputTokens", 0},
                 {"outputTokens", n / 10},
                 {"reasoningOutputTokens", 0}}
            );
        };
        tell(
            "thread/tokenUsage/updated",
            Json::object(
                {{"turnId", turn().id},
                 {"tokenUsage", Json::object({{"total", counts(total)}, {"last", counts(last)}})}}
            )
        );
    }
    void finish(const std::string& how = "completed", bool say_so = true) {
        turn().status = how;
        status("idle");
        if (say_so) {
            tell("turn/completed", Json::object({{"turn", turn_json(turn())}}));
        }
    }
    void speak(const std::string& text) {
        item("item/started", "");
        delta(text);
        item("item/completed", turn().text);
    }
    void ask_server(const Json& id, const std::string& method) {
        send(Json::object(
            {{"method", method},
             {"id", id},
             {"params", Json::object({{"threadId", thread_}, {"turnId", turn().id}})}}
        ));
    }
    /// A call of this type and a question about it.
    void ask_about(const Json& id, const std::string& call, Json item, Json more) {
        item["id"] = call;
        item["status"] = "inProgress";
        asked_.push_back(item);
        tell("item/started", Json::object({{"turnId", turn().id}, {"item", std::move(item)}}));
        more["params"]["threadId"] = thread_;
        more["params"]["turnId"] = turn().id;
        more["id"] = id;
        send(more);
    }
    /// Answered: the call ends as decided; the last one ends the turn.
    void decided(const Json& answer) {
        tell("serverRequest/resolved", Json::object({{"requestId", answer["id"]}}));
        Json item = asked_[answer["id"].get<std::size_t>()];
        const std::string said = answer["result"].dump();
        const bool yes = said.find("accept") != std::string::npos;
        item["status"] = yes ? "completed" : "declined";
        item["exitCode"] = yes ? Json(0) : Json(nullptr);
        tell("item/completed", Json::object({{"turnId", turn().id}, {"item", std::move(item)}}));
        if (++decided_ == asked_.size()) {
            speak(said);
            return finish();
        }
        on_answer_ = [this](const Json& next) { decided(next); };
    }
    void await_decisions() {
        on_answer_ = [this](const Json& answer) { decided(answer); };
    }
    static Json command(const char* text) {
        return Json::object({{"type", "commandExecution"}, {"command", text}});
    }
    static Json command_question(const char* call) {
        return Json::object(
            {{"method", "item/commandExecution/requestApproval"},
             {"params", Json::object({{"itemId", call}, {"command", "x"}})}}
        );
    }
    bool behave_asking(const std::string& prompt);
    void behave(const std::string& prompt);

    std::map<std::string, Thread> threads_{};
    std::string thread_{}; ///< of the turn being told
    Json start_id_{};
    std::function<void(const Json&)> on_answer_ = [](const Json&) {};
    std::vector<Json> asked_{}; ///< items, by the number of their question
    std::size_t decided_ = 0;
    int made_ = 0;
    int refused_ = 0;
    bool deaf_ = false;
};

/// Turns that ask for approvals; false for any other.
bool Fake::behave_asking(const std::string& prompt) {
    if (!prompt.starts_with("approve-")) {
        return false;
    }
    accept();
    begin();
    asked_.clear();
    decided_ = 0;
    if (prompt == "approve-permissions") {
        on_answer_ = [this](const Json& answer) {
            speak(answer["result"].dump());
            finish();
        };
        send(Json::object(
            {{"method", "item/permissions/requestApproval"},
             {"id", 0},
             {"params",
              Json::object(
                  {{"threadId", thread_},
                   {"turnId", turn().id},
                   {"itemId", "p"},
                   {"reason", "to fetch"},
                   {"permissions", Json::object({{"network", Json::object({{"enabled", true}})}})}}
              )}}
        ));
        return true;
    }
    if (prompt == "approve-mcp") {
        Json item = Json::object({{"type", "mcpToolCall"}, {"server", "lab"}, {"tool", "danger"}});
        item["arguments"] = Json::object({{"text", "hi"}});
        Json meta = Json::object({{"codex_approval_kind", "mcp_tool_call"}});
        meta["tool_name"] = "danger";
        ask_about(
            0,
            "call_1",
            std::move(item),
            Json::object(
                {{"method", "mcpServer/elicitation/request"},
                 {"params", Json::object({{"serverName", "lab"}, {"_meta", std::move(meta)}})}}
            )
        );
        await_decisions();
        return true;
    }
    ask_about(0, "call_1", command("touch one"), command_question("call_1"));
    if (prompt == "approve-late") { // the call ends, and its question is still open
        asked_[0].update({{"status", "completed"}, {"exitCode", 0}});
        tell("item/completed", Json::object({{"turnId", turn().id}, {"item", asked_[0]}}));
    } else if (prompt != "approve-item") {
        ask_about(1, "call_2", command("touch two"), command_question("call_2"));
    }
    if (prompt == "approve-elsewhere") { // the answer to one comes with the end of the other
        on_answer_ = [this](const Json&) {
            tell("serverRequest/resolved", Json::object({{"requestId", 0}}));
            speak("somebody else decided");
            finish();
        };
        return true;
    }
    await_decisions();
    return true;
}

void Fake::behave(const std::string& prompt) {
    if (behave_asking(prompt)) {
        return;
    }
    const auto plain = [this](const std::string& text) {
        accept();
        begin();
        speak(text);
        usage(100, 100);
        finish();
    };
    if (prompt == "no-reply" || prompt == "late-accept") {
        return;
    }
    if (prompt == "deaf") {
        deaf_ = true;
        return;
    }
    if (prompt == "never-starts") {
        return accept();
    }
    if (prompt == "early-start") { // the notification overtakes the response
        begin();
        item("item/started", "");
        accept();
        delta("early");
        return finish();
    }
    if (prompt == "lost-word") {
        accept();
        begin();
        raw(R"({"method":"item/agentMessage/delta","params":{"delta":"ze)"); // its first word
        delta("one");
        turn().text = "zero one";
        item("item/completed", turn().text);
        return finish();
    }
    if (prompt == "garbage") {
        accept();
        begin();
        for (const char* line :
             {"nonsense", "[]", "null", "{}", "", "{\"id\":99999,\"result\":1}"}) {
            raw(line);
        }
        speak("clean");
        return finish();
    }
    if (prompt == "killed" || prompt == "exits") {
        accept();
        begin();
        item("item/started", "");
        delta("half");
        if (prompt == "exits") {
            std::_Exit(0);
        }
        ::kill(::getpid(), SIGKILL);
    }
    if (prompt == "question" || prompt == "unknown-question") {
        const bool known = prompt == "question";
        accept();
        begin();
        on_answer_ = [this](const Json& answer) {
            speak(answer.contains("result") ? answer["result"].dump() : answer["error"].dump());
            finish();
        };
        return ask_server(
            known ? Json(0) : Json("abc"),
            known ? "item/commandExecution/requestApproval" : "future/thing"
        );
    }
    if (prompt == "huge") {
        return plain(std::string(3U << 20U, 'x'));
    }
    if (prompt.starts_with("silent-")) {
        accept();
        begin();
        speak("quiet");
        const bool cut = prompt == "silent-cut";
        const char* left = cut ? "interrupted" : "inProgress";
        return finish(prompt == "silent-end" ? "completed" : left, false);
    }
    if (prompt == "unsaved" || prompt == "not-its-file") { // codex 0.169.0, of the disk or a file
        accept();
        begin();
        speak("not kept");
        const std::string why = prompt == "unsaved" ? "No space left on device (os error 28)"
                                                    : "Permission denied (os error 13)";
        const std::string failed =
            "Failed to save the conversation transcript; Codex will continue retrying. Error: "
            "thread-store internal error: ";
        tell("warning", Json::object({{"message", failed + why}}));
        finish();
        turn().status = "inProgress"; // history does not have it
        return;
    }
    if (prompt == "forgotten") {
        plain("gone");
        turn().status = "inProgress";
        return;
    }
    if (prompt == "late-events") {
        accept();
        begin();
        speak("on time");
        finish();
        return delta("too late");
    }
    if (prompt == "stall") {
        accept();
        return begin();
    }
    if (prompt == "stall-after" || prompt == "ignores-interrupt") {
        accept();
        begin();
        item("item/started", "");
        return delta("some");
    }
    if (prompt == "flood") {
        accept();
        begin();
        item("item/started", "");
        for (int i = 0; i < 4'000; ++i) {
            delta(std::string(1'000, 'f'));
        }
        return finish();
    }
    if (prompt == "fails-uncounted") {
        accept();
        begin();
        return finish("failed");
    }
    if (prompt == "used-up") { // codex 0.169.0 says when only here, and to no thread
        accept();
        begin();
        Json window = Json::object({{"usedPercent", 100}, {"resetsAt", ::time(nullptr) + 3'600}});
        Json limits = Json::object({{"primary", std::move(window)}, {"secondary", nullptr}});
        Json params = Json::object({{"rateLimits", std::move(limits)}});
        send(Json::object({{"method", "account/rateLimits/updated"}, {"params", std::move(params)}})
        );
        Json error = Json::object({{"message", "You've hit your usage limit. Try again later."}});
        error["codexErrorInfo"] = "usageLimitExceeded";
        Json failed = Json::object({{"error", std::move(error)}, {"willRetry", false}});
        failed["turnId"] = turn().id;
        tell("error", std::move(failed));
        return finish("failed");
    }
    if (prompt == "usage-of-old-thread") {
        accept();
        begin();
        speak("counted");
        usage(700, 40);
        return finish();
    }
    plain("you said " + prompt);
}

void Fake::start_turn(const Json& params, const Json& id) {
    const std::string thread = params.value("threadId", "");
    const std::string prompt = params["input"][0].value("text", "");
    if (!threads_.contains(thread) || !threads_[thread].loaded) {
        return refuse(id, -32'600, "thread not found: " + thread);
    }
    if (prompt == "overloaded" && ++refused_ % 3 != 0) {
        return refuse(id, -32'001, "Server overloaded; retry later.");
    }
    if (prompt == "refused") {
        return refuse(id, -32'600, "something codex does not like");
    }
    thread_ = thread;
    start_id_ = id;
    threads_[thread].turns.push_back(Stored{"turn-" + std::to_string(++made_), prompt, ""});
    behave(prompt);
}

void Fake::interrupt(const Json& params, const Json& id) {
    const std::string thread = params.value("threadId", "");
    const std::string asked = params.value("turnId", "");
    Thread& known = threads_[thread];
    const bool running = !known.turns.empty() && known.turns.back().status == "inProgress";
    if (environment("FAKE_MODE") == "busy-interrupt" && !asked.empty() && ++refused_ == 1) {
        return refuse(id, -32'001, "Server overloaded; retry later.");
    }
    if (running && known.turns.back().prompt == "late-accept" && asked.empty()) {
        reply(id, Json::object()); // nothing runs yet …
        thread_ = thread;
        accept();
        return begin(); // … and then it does
    }
    if (running && (asked.empty() || asked == known.turns.back().id)) {
        reply(id, Json::object());
        if (known.turns.back().prompt != "ignores-interrupt" &&
            known.turns.back().prompt != "no-reply") {
            thread_ = thread;
            finish("interrupted");
        }
        return;
    }
    if (asked.empty()) {
        return reply(id, Json::object());
    }
    refuse(id, -32'600, "no active turn to interrupt");
}

void Fake::list_turns(const Json& params, const Json& id) {
    const std::string thread = params.value("threadId", "");
    if (!threads_.contains(thread)) {
        return refuse(id, -32'600, "thread not loaded: " + thread);
    }
    Json data = Json::array();
    const bool newest_first = params.value("sortDirection", "desc") == "desc";
    const auto& turns = threads_[thread].turns;
    const std::size_t from = std::stoul("0" + params.value("cursor", ""));
    const std::size_t size =
        newest_first ? turns.size() : std::min<std::size_t>(turns.size(), from + 2);
    for (std::size_t i = from; i < size; ++i) {
        const Stored& turn = newest_first ? turns[turns.size() - 1 - i] : turns[i];
        Json json = turn_json(turn);
        Json user =
            Json::object({{"type", "userMessage"}, {"id", "u-" + turn.id}, {"clientId", "c"}});
        user["content"] = Json::array({Json::object({{"type", "text"}, {"text", turn.prompt}})});
        json["items"].push_back(std::move(user));
        json["items"].push_back(
            Json::object({{"type", "agentMessage"}, {"id", "msg_1"}, {"text", turn.text}})
        );
        data.push_back(std::move(json));
    }
    Json result = Json::object({{"data", std::move(data)}});
    result["nextCursor"] = size < turns.size() ? Json(std::to_string(size)) : Json(nullptr);
    reply(id, std::move(result));
}

void Fake::on_request(const std::string& method, const Json& params, const Json& id) {
    const std::string thread = params.value("threadId", "");
    if (method == "initialize") {
        const std::string version = environment("FAKE_MODE") == "untested" ? "0.201.4" : "0.169.0";
        return reply(id, Json::object({{"userAgent", "oa_stream/" + version + " (Fake 1; x) t"}}));
    }
    if (method == "thread/start") {
        if (environment("FAKE_MODE") == "dies-on-thread" && !params.value("ephemeral", false)) {
            std::_Exit(1);
        }
        const std::string made =
            "thread-" + std::to_string(::getpid()) + "-" + std::to_string(++made_);
        threads_[made].ephemeral = params.value("ephemeral", false);
        return reply(id, thread_result(made));
    }
    if (method == "thread/resume") {
        if (thread.starts_with("missing")) {
            return refuse(id, -32'600, "no rollout found for thread id " + thread);
        }
        ::usleep(environment("FAKE_MODE") == "slow-resume" ? 100'000 : 0); // in turn, like codex
        threads_[thread].loaded = true;
        return reply(id, thread_result(thread));
    }
    if (method == "thread/unsubscribe") {
        ::usleep(environment("FAKE_MODE") == "slow-unsubscribe" ? 50'000 : 0);
        threads_[thread].loaded = false;
        return reply(id, Json::object({{"status", "unsubscribed"}}));
    }
    if (method == "thread/revert") {
        auto& turns = threads_[thread].turns;
        const std::string before = params.value("beforeTurnId", "");
        const auto cut = std::ranges::find(turns, before, &Stored::id);
        if (cut == turns.end()) {
            return refuse(id, -32'600, "turn not found: " + before);
        }
        if (environment("FAKE_MODE") == "dies-on-revert") {
            std::_Exit(1);
        }
        turns.erase(cut, turns.end());
        return reply(id, thread_result(thread));
    }
    if (method == "thread/read") {
        if (!threads_.contains(thread)) {
            return refuse(id, -32'600, "thread not loaded: " + thread);
        }
        Json result = thread_result(thread);
        result["thread"]["name"] = threads_[thread].name;
        return reply(id, std::move(result));
    }
    if (method == "thread/name/set") {
        threads_[thread].name = params.value("name", "");
        return reply(id, Json::object());
    }
    if (method == "thread/turns/list") {
        return list_turns(params, id);
    }
    if (method == "turn/start") {
        return start_turn(params, id);
    }
    if (method == "turn/interrupt") {
        return interrupt(params, id);
    }
    reply(id, Json::object());
}

void Fake::serve() {
    std::ofstream log(environment("CODEX_HOME") + "/received.jsonl", std::ios::app);
    std::string line;
    while (std::getline(std::cin, line)) {
        log << line << std::endl;
        const Json message = Json::parse(line);
        if (deaf_) {
            continue;
        }
        if (!message.contains("method")) {
            std::exchange(on_answer_, [](const Json&) {})(message);
        } else if (message.contains("id")) {
            on_request(
                message["method"].get<std::string>(),
                message.value("params", Json::object()),
                message["id"]
            );
        }
    }
}

} // namespace

int main(int argc, char** argv) {
    const std::string command = argc > 1 ? argv[1] : "";
    const std::string mode = environment("FAKE_MODE");
    if (command == "debug") {
        raw(R"({"models":[{"slug":"built-in","tool_mode":"code_mode_only","base":"b"}]})");
        return mode == "models-fail" ? 3 : 0;
    }
    if (mode == "refuses-config") {
        std::cerr << "\x1b[31mError:\x1b[0m config.toml: unknown field `shel_tool`\n";
        return 1;
    }
    if (mode == "silent") {
        std::string line;
        while (std::getline(std::cin, line)) {
        }
        return 0;
    }
    if (mode == "dies-at-once") {
        return 70;
    }
    std::cerr << "a log line with sk-secret-key-of-the-provider in it\n";
    Fake{}.serve();
    return 0;
}
