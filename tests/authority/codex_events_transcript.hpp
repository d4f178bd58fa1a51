// One turn told to the translator by notifications that name only what matters.
#pragma once

#include "codex/events/codex_events.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::authority::test {

using namespace turn;

using Lines = std::vector<std::string>;

inline Lines described(const std::vector<Event>& events) {
    Lines out;
    for (const Event& event : events) {
        out.push_back(describe(event));
    }
    return out;
}

/// One turn "u" of thread "t", told by notifications that name only what matters.
class Transcript {
public:
    explicit Transcript(Usage baseline = {}) : translator_("t", {}, baseline, "/w") {
        (*this)("turn/started", R"({"turn":{"id":"u"}})");
    }
    Transcript& operator()(std::string_view method, std::string_view params) {
        Json all = Json::parse(params);
        for (const auto& [key, value] : {std::pair("threadId", "t"), std::pair("turnId", "u")}) {
            if (!all.contains(key)) {
                all[key] = value;
            }
        }
        Json message = Json::object();
        message["method"] = method;
        message["params"] = std::move(all);
        translator_.notification(message, events_);
        return *this;
    }
    Transcript& started(std::string_view item) {
        return (*this)("item/started", R"({"item":)" + std::string(item) + "}");
    }
    Transcript& completed(std::string_view item) {
        return (*this)("item/completed", R"({"item":)" + std::string(item) + "}");
    }
    Transcript&
    delta(std::string_view method, std::string_view id, std::string_view text, int index = 0) {
        Json params = Json::object();
        params["itemId"] = id;
        params["delta"] = text;
        params["summaryIndex"] = index;
        params["contentIndex"] = index;
        return (*this)("item/" + std::string(method), params.dump());
    }
    Transcript& usage(std::string_view turn, int input, int cached, int output, int reasoning) {
        Json total = Json::object();
        total["inputTokens"] = input;
        total["cachedInputTokens"] = cached;
        total["outputTokens"] = output;
        total["reasoningOutputTokens"] = reasoning;
        total["totalTokens"] = 258400;
        Json params = Json::object();
        params["turnId"] = turn;
        params["tokenUsage"]["total"] = std::move(total);
        return (*this)("thread/tokenUsage/updated", params.dump());
    }
    Transcript& ended(std::string_view status = "completed", std::string_view error = "null") {
        return (*this)(
            "turn/completed",
            R"({"turn":{"id":"u","items":[],"status":")" + std::string(status) + R"(","error":)" +
                std::string(error) + "}}"
        );
    }
    [[nodiscard]] const std::vector<turn::Event>& events() const { return events_; }
    [[nodiscard]] CodexTranslator& translator() { return translator_; }
    [[nodiscard]] const TurnEnded& end() const { return std::get<TurnEnded>(events_.back()); }
    /// What happened between turn/started and now.
    [[nodiscard]] Lines lines() const {
        Lines all = described(events_);
        REQUIRE(all.at(0) == describe(TurnStarted{"t", "u", ""}));
        all.erase(all.begin());
        return all;
    }

private:
    CodexTranslator translator_;
    std::vector<Event> events_{};
};

template <class... Events> Lines want(Events... events) {
    return described(std::vector<Event>{std::move(events)...});
}

inline constexpr std::string_view k_message = R"({"type":"agentMessage","id":"i1","text":""})";
inline constexpr std::string_view k_exec =
    R"({"type":"commandExecution","id":"c1","command":"/bin/bash -lc 'ls -l'","cwd":"/w","status":"inProgress"})";

inline std::string exec(std::string_view status, std::string_view rest) {
    return R"({"type":"commandExecution","id":"c1","command":"/bin/bash -lc 'ls -l'","cwd":"/w","status":")" +
           std::string(status) + "\"," + std::string(rest) + "}";
}

inline Json object(std::string_view json) {
    return Json::parse(json);
}

} // namespace oa_stream::authority::test
