#include "completions_support.hpp"

#include "oa_stream/contract/judge.hpp"

#include "stream_support.hpp"

#include <stdexcept>

namespace oa_stream::encode::test {

namespace {

void encode_all(TurnEncoder& encoder, const std::vector<turn::Event>& events, std::string& out) {
    encoder.begin(out);
    for (const turn::Event& event : events) {
        if (encoder.ended()) { // as the lane does: the rest of the turn is of no use
            return;
        }
        if (auto done = encoder.encode(event, out); !done) {
            throw std::runtime_error(turn::describe(event) + ": " + done.error().text());
        }
    }
}

} // namespace

CompletionIdentity identity() {
    return {.id = "chatcmpl-1", .created = 1'700'000'000, .model = "model-1"};
}

std::vector<turn::Event> words(std::vector<std::string> texts, std::vector<turn::Event> rest) {
    std::vector<turn::Event> out{k_start, turn::PartOpened{"a"}};
    for (std::string& text : texts) {
        out.emplace_back(turn::PartDelta{"a", std::move(text)});
    }
    out.emplace_back(turn::PartClosed{"a"});
    for (turn::Event& event : rest) {
        out.push_back(std::move(event));
    }
    return out;
}

std::string completion_stream(const std::vector<turn::Event>& events, bool include_usage) {
    const auto encoder = completions_stream(identity(), include_usage);
    std::string out;
    encode_all(*encoder, events, out);
    return out;
}

std::expected<Json, turn::Failure> completion_whole(const std::vector<turn::Event>& events) {
    const auto encoder = completions_whole(identity());
    std::string out;
    encode_all(*encoder, events, out);
    if (!out.empty() || !encoder->ended()) {
        throw std::runtime_error("a whole answer writes nothing, and ends with its turn");
    }
    return encoder->result();
}

namespace {

/// As clients put them together.
void add_call(const Json& piece, Json& calls) {
    if (piece.contains("id")) {
        Json call = piece;
        call.erase("index");
        calls.push_back(std::move(call));
    } else {
        auto& said = calls.at(piece.at("index").get<std::size_t>()).at("function").at("arguments");
        said = said.get<std::string>() + piece.at("function").at("arguments").get<std::string>();
    }
}

} // namespace

ReadCompletion read_completion(std::string_view stream) {
    ReadCompletion out;
    for (const std::string& frame : frames_of(stream)) {
        if (frame == "[DONE]") {
            out.order += 'D';
            continue;
        }
        const Json json = Json::parse(frame);
        if (json.contains("error")) {
            out.order += 'E';
            out.error = json.at("error").at("code").get<std::string>();
        } else if (json.at("choices").empty()) {
            out.order += 'U';
            out.usage = json.at("usage");
        } else {
            const Json& choice = json.at("choices").at(0);
            const Json& delta = choice.at("delta");
            if (!choice.at("finish_reason").is_null()) {
                out.order += 'F';
                out.finish = choice.at("finish_reason").get<std::string>();
            } else {
                const bool call = delta.contains("tool_calls");
                out.order += delta.contains("role") ? 'R' : call ? 'T' : 'C';
                if (call) {
                    add_call(delta.at("tool_calls").at(0), out.calls);
                } else {
                    out.text += delta.value("content", "");
                    out.reasoning += delta.value("reasoning_content", "");
                }
            }
        }
    }
    return out;
}

std::string completion_faults(std::string_view bytes) {
    contract::Judge judge(contract::Profile::chat_completions);
    judge.feed(bytes);
    const contract::Judgement judgement = judge.finish();
    std::string out;
    for (const auto* list : {&judgement.violations, &judgement.warnings}) {
        for (const contract::Violation& found : *list) {
            out += std::string(found.rule->id) + ": " + found.message + "\n";
        }
    }
    return out;
}

} // namespace oa_stream::encode::test
