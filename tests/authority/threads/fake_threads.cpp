// A scripted `codex app-server` that keeps threads: it lists, reads, archives and deletes them, one
// request after the other. FAKE_MODE names what it begins with. Every line received is kept in
// CODEX_HOME/received.jsonl.
#include "oa_stream/base/json_library.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace {

using Json = nlohmann::ordered_json;

struct Thread {
    std::int64_t updated = 1'000;
    std::string name{};
    bool archived = false;
    std::string source{}; ///< it was forked from, whose history it needs
};

void send(const Json& message) {
    std::cout << message.dump() << '\n' << std::flush;
}

void reply(const Json& id, Json result) {
    send(Json::object({{"id", id}, {"result", std::move(result)}}));
}

void refuse(const Json& id, const std::string& message) {
    Json error = Json::object({{"code", -32'600}, {"message", message}});
    send(Json::object({{"error", std::move(error)}, {"id", id}}));
}

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

class Fake {
public:
    Fake() {
        if (mode_ == "old") {
            threads_ = {{"old-1", {}}, {"old-2", {}}, {"old-3", {}}, {"old-4", {}}};
        }
        if (mode_ == "dies-on-delete") { // the first process alone
            threads_ = {{"half", {}}};
            if (!died()) {
                threads_["whole"] = {};
            }
        }
        if (mode_ == "busy-once") {
            threads_ = {{"x", {}}};
        }
        if (mode_ == "long") {
            threads_ = {{"long", {}}, {"longer", {}}};
        }
        if (mode_ == "forks") {
            threads_ = {{"x", {}}, {"a", {}}, {"b", {}}, {"away", {.archived = true}}};
            threads_["b"].source = "a";
            threads_["copy"].source = "away";
            for (int i = 1; i <= 5; ++i) {
                threads_["r-" + std::to_string(i)] = {
                    .name = environment("FAKE_NAME"), .archived = true
                };
            }
        }
    }

    void serve() {
        std::ofstream log(environment("CODEX_HOME") + "/received.jsonl", std::ios::app);
        std::string line;
        while (std::getline(std::cin, line)) {
            log << line << std::endl;
            const Json message = Json::parse(line);
            if (message.contains("method") && message.contains("id")) {
                on_request(
                    message["method"].get<std::string>(),
                    message.value("params", Json::object()),
                    message["id"]
                );
            }
        }
    }

private:
    static Json thread_json(const std::string& id, const Thread& thread) {
        return Json::object({{"id", id}, {"name", thread.name}, {"updatedAt", thread.updated}});
    }
    [[nodiscard]] Json thread_result(const std::string& id) {
        Json result = Json::object({{"thread", thread_json(id, threads_[id])}});
        result["model"] = "fake-model";
        result["modelProvider"] = "fake";
        result["approvalPolicy"] = "never";
        result["sandbox"] = Json::object({{"type", "readOnly"}});
        return result;
    }
    [[nodiscard]] Json turn_json(const char* status) const {
        Json turn = Json::object({{"id", turn_}, {"items", Json::array()}, {"status", status}});
        turn["error"] = nullptr;
        return turn;
    }
    static void tell(const char* method, const std::string& thread, Json params) {
        params["threadId"] = thread;
        send(Json::object({{"method", method}, {"params", std::move(params)}, {"emittedAtMs", 1}}));
    }

    /// The oldest first, at most three at once.
    void list(const Json& params, const Json& id) {
        std::vector<std::pair<std::int64_t, std::string>> found;
        for (const auto& [name, thread] : threads_) {
            if (thread.archived == params.value("archived", false) &&
                (mode_ != "old" || name > params.value("cursor", ""))) {
                found.emplace_back(thread.updated, name);
            }
        }
        std::ranges::sort(found);
        const bool more = mode_ == "old" && found.size() > 3;
        found.resize(more ? 3 : found.size());
        Json data = Json::array();
        for (const auto& [updated, name] : found) {
            data.push_back(thread_json(name, threads_[name]));
        }
        Json page = Json::object({{"data", std::move(data)}, {"nextCursor", nullptr}});
        if (more) {
            page["nextCursor"] = found.back().second;
        }
        reply(id, std::move(page));
    }
    static bool died() { return std::ifstream(marker()).good(); }
    static std::string marker() { return environment("CODEX_HOME") + "/died"; }
    void erase(const std::string& thread, const Json& id) {
        if (mode_ == "dies-on-delete" && !died()) {
            std::ofstream(marker()) << "over " << thread;
            std::_Exit(1);
        }
        if (mode_ == "old") {
            ::usleep(150'000);
        }
        const bool shared = std::ranges::any_of(threads_, [&](const auto& entry) {
            return entry.second.source == thread;
        });
        if (shared) {
            return refuse(id, "cannot delete: forked history still references it");
        }
        threads_.erase(thread);
        reply(id, Json::object());
    }
    void start_turn(const std::string& thread, const Json& params, const Json& id) {
        const std::string prompt = params["input"][0].value("text", "");
        turn_ = "turn-" + std::to_string(++made_);
        threads_[thread].updated = ::time(nullptr);
        reply(id, Json::object({{"turn", turn_json("inProgress")}}));
        tell("turn/started", thread, Json::object({{"turn", turn_json("inProgress")}}));
        if (prompt == "stall") {
            return;
        }
        for (const char* what : {"item/started", "item/completed"}) {
            Json item = Json::object({{"type", "agentMessage"}, {"id", "msg_1"}, {"text", "yes"}});
            tell(what, thread, Json::object({{"turnId", turn_}, {"item", std::move(item)}}));
        }
        tell("turn/completed", thread, Json::object({{"turn", turn_json("completed")}}));
    }
    /// Five turns with an answer of 400 kB; the third one has four, in "longer" of 1.5 MB.
    static Json answers(const std::string& thread, std::size_t turn) {
        const std::size_t length = thread == "longer" && turn == 3 ? 1'500'000 : 400'000;
        Json items = Json::array();
        for (int i = 1; i <= (turn == 3 ? 4 : 1); ++i) {
            Json item = Json::object({{"type", "agentMessage"}, {"id", "m-" + std::to_string(i)}});
            item["text"] = std::string(length, 'x');
            items.push_back(std::move(item));
        }
        return items;
    }
    /// `endless`: each page names another cursor, also the empty ones.
    static void page(const Json& all, const Json& params, const Json& id, bool endless = false) {
        const std::size_t from = std::stoul("0" + params.value("cursor", ""));
        const std::size_t next = from + params.value("limit", std::size_t{1});
        const std::size_t to = std::min(all.size(), next);
        Json data = Json::array();
        for (std::size_t i = from; i < to; ++i) {
            data.push_back(all[i]);
        }
        Json result = Json::object({{"data", std::move(data)}, {"nextCursor", nullptr}});
        if (endless || next < all.size()) {
            result["nextCursor"] = std::to_string(next);
        }
        reply(id, std::move(result));
    }
    static void list_long(const std::string& thread, const Json& params, const Json& id) {
        Json all = Json::array();
        for (std::size_t turn = 1; turn <= 5; ++turn) {
            Json one = Json::object({{"id", "turn-" + std::to_string(turn)}});
            one["status"] = "completed";
            const bool bare = params.value("itemsView", "") == "notLoaded";
            one["items"] = bare ? Json::array() : answers(thread, turn);
            all.push_back(std::move(one));
        }
        page(all, params, id);
    }
    static void list_items(const std::string& thread, const Json& params, const Json& id) {
        Json all = Json::array();
        for (Json& item : answers(thread, params.value("turnId", "") == "turn-3" ? 3 : 1)) {
            all.push_back(Json::object({{"turnId", params["turnId"]}, {"item", std::move(item)}}));
        }
        page(all, params, id, true);
    }
    void on_request(const std::string& method, const Json& params, const Json& id) {
        const std::string thread = params.value("threadId", "");
        if (method == "initialize") {
            return reply(id, Json::object({{"userAgent", "oa_stream/0.169.0 (Fake 1; x) t"}}));
        }
        if (method == "command/exec") {
            return reply(id, Json::object({{"exitCode", 0}, {"stdout", "checked\n"}}));
        }
        if (method == "thread/start") {
            const std::string made = "new-" + std::to_string(++made_);
            reply(id, thread_result(made));
            threads_[made].updated = ::time(nullptr);
            return;
        }
        if (method == "thread/list") {
            return list(params, id);
        }
        if (mode_ == "same-page" && method == "thread/attachment/list") {
            return reply(id, Json::object({{"data", Json::array()}, {"nextCursor", "here"}}));
        }
        if (mode_ == "same-page" && method == "thread/turns/list") {
            return reply(
                id, Json::object({{"data", Json::array()}, {"nextCursor", std::to_string(++made_)}})
            );
        }
        if (mode_ == "busy-once" && method == environment("FAKE_NAME") && ++refused_ == 1) {
            return refuse(id, "Server is draining");
        }
        if (mode_ == "slow-read" && method == "thread/read") {
            ::usleep(700'000);
        }
        if (!thread.empty() && !threads_.contains(thread)) {
            return refuse(id, "no rollout found for thread id " + thread);
        }
        if (mode_ == "long" && method == "thread/turns/list") {
            return list_long(thread, params, id);
        }
        if (mode_ == "long" && method == "thread/items/list") {
            return list_items(thread, params, id);
        }
        if (method == "thread/resume" && threads_[thread].archived) { // as codex 0.169.0
            return refuse(
                id,
                "session " + thread + " is archived. Run `codex unarchive " + thread +
                    "` to unarchive it first."
            );
        }
        if (method == "thread/resume" || method == "thread/read") {
            return reply(id, thread_result(thread));
        }
        if (method == "thread/delete") {
            return erase(thread, id);
        }
        if (method == "turn/start") {
            return start_turn(thread, params, id);
        }
        if (method == "thread/name/set" && threads_[thread].archived) { // as codex 0.169.0
            return refuse(id, "no rollout found for thread id " + thread);
        }
        if (method == "thread/name/set") {
            threads_[thread].name = params.value("name", "");
        }
        if (method == "thread/archive" || method == "thread/unarchive") {
            threads_[thread].archived = method == "thread/archive";
        }
        reply(id, Json::object());
        if (method == "turn/interrupt") {
            tell("turn/completed", thread, Json::object({{"turn", turn_json("interrupted")}}));
        }
    }

    std::string mode_ = environment("FAKE_MODE");
    std::map<std::string, Thread> threads_{};
    std::string turn_{};
    int made_ = 0;
    int refused_ = 0;
};

} // namespace

int main() {
    Fake{}.serve();
    return 0;
}
