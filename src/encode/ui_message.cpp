#include "oa_stream/encode/ui_message.hpp"

#include "oa_stream/encode/normaliser.hpp"

#include "empty_answer.hpp"
#include "safe_json.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>

namespace oa_stream::encode {
namespace {

/// One overload per event, as in the encoder; members are in the order of the clients.
struct Assembler {
    Json parts = Json::array();
    std::map<std::string, std::size_t, std::less<>> open{}; ///< parts and calls → index

    std::set<std::string, std::less<>> clients{}; ///< calls that the client runs

    [[nodiscard]] Json* find(char kind, const std::string& id) {
        const auto found = open.find(kind + id);
        return found == open.end() ? nullptr : &parts[found->second];
    }
    void add(char kind, const std::string& id, Json part) {
        open[kind + id] = parts.size();
        parts.push_back(std::move(part));
    }

    void operator()(const turn::PartOpened& event) {
        Json part = Json::object();
        part["type"] = turn::to_string(event.kind);
        part["text"] = "";
        part["state"] = "done";
        add('p', event.id, std::move(part));
    }
    void operator()(const turn::PartDelta& event) {
        if (Json* part = find('p', event.id)) {
            (*part)["text"].get_ref<std::string&>() += event.text;
        }
    }
    void operator()(const turn::ToolOpened& event) {
        Json part = Json::object();
        part["type"] = event.dynamic ? "dynamic-tool" : "tool-" + event.name;
        if (event.dynamic) {
            part["toolName"] = event.name;
        }
        part["toolCallId"] = event.call;
        part["state"] = "input-available";
        if (event.client) {
            clients.insert(event.call);
        }
        add('t', event.call, std::move(part));
    }
    void operator()(const turn::ToolInputReady& event) {
        if (Json* part = find('t', event.call)) {
            (*part)["input"] = safe_json(event.input);
            if (!clients.contains(event.call)) {
                (*part)["providerExecuted"] = true;
            }
        }
    }
    void operator()(const turn::ToolOutput& event) {
        if (Json* part = find('t', event.call)) {
            (*part)["state"] = "output-available";
            (*part)["output"] = safe_json(event.output);
        }
    }
    void operator()(const turn::ToolFailed& event) {
        if (Json* part = find('t', event.call)) {
            (*part)["state"] = "output-error";
            (*part)["errorText"] = event.text;
        }
    }
    void operator()(const turn::Note& event) {
        if (event.transient) {
            return;
        }
        Json part = Json::object();
        part["type"] = "data-" + event.name;
        if (event.id) {
            part["id"] = *event.id;
        }
        part["data"] = safe_json(event.payload);
        parts.push_back(std::move(part));
    }
    void operator()(const auto&) {}
};

} // namespace

MissingAnswer missing_answer(const std::vector<turn::Event>& events) {
    const auto* end = events.empty() ? nullptr : std::get_if<turn::TurnEnded>(&events.back());
    if (end == nullptr || end->finish == turn::Finish::tool_calls || turn::is_answered(events)) {
        return {};
    }
    if (end->withheld) {
        return {text_of_empty(end->finish), true};
    }
    return {turn::is_cut(end->finish) ? k_unstored_text : std::string_view()};
}

Json failure_json(const turn::Failure& failure) {
    Json out = Json::object({{"code", turn::words_of(failure.code).word}});
    if (const auto& cause = turn::words_of(failure.cause); !cause.word.empty()) {
        out["reason"] = cause.word;
    }
    out["message"] = turn::sentence_of(failure);
    return out;
}

Json ui_message_parts(std::vector<turn::Event> events, turn::Outcome outcome, bool waits) {
    Normaliser normaliser;
    std::vector<turn::Event> normalised;
    for (turn::Event& event : events) {
        if (!std::holds_alternative<turn::TurnEnded>(event)) {
            normaliser.push(std::move(event), normalised);
        }
    }
    turn::TurnEnded end;
    end.outcome = outcome;
    end.finish = waits ? turn::Finish::tool_calls : turn::Finish::stop;
    normaliser.push(std::move(end), normalised);

    Assembler assembler;
    assembler.parts.push_back(Json::object({{"type", "step-start"}}));
    for (const turn::Event& event : normalised) {
        std::visit(assembler, event);
    }
    return std::move(assembler.parts);
}

} // namespace oa_stream::encode
