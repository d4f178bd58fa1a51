#include "stream_support.hpp"

#include "oa_stream/base/json.hpp"

#include <stdexcept>

namespace oa_stream::encode::test {

UiEncoderOptions options() {
    return {"thread-1", "turn-1", "turn-1", "model-1"};
}

std::vector<turn::Event> normalised(std::vector<turn::Event> events) {
    Normaliser normaliser;
    std::vector<turn::Event> out;
    for (turn::Event& event : events) {
        normaliser.push(std::move(event), out);
    }
    normaliser.finish({turn::FailureCode::authority_lost, true, "end of the recording"}, out);
    return out;
}

std::string encoded(const std::vector<turn::Event>& events, UiEncoderOptions with) {
    UiEncoder encoder(std::move(with));
    std::string out;
    encoder.begin(out);
    for (const turn::Event& event : events) {
        if (auto done = encoder.encode(event, out); !done) {
            throw std::runtime_error(turn::describe(event) + ": " + done.error().text());
        }
    }
    return out;
}

std::string stream_of(const authority::Capture& capture) {
    std::vector<turn::Event> events;
    for (const authority::TimedEvent& timed : capture.events) {
        events.push_back(timed.event);
    }
    return encoded(
        normalised(std::move(events)), {capture.thread, capture.turn, capture.turn, capture.model}
    );
}

std::vector<std::string> frames_of(std::string_view stream) {
    std::vector<std::string> frames;
    while (!stream.empty()) {
        const std::size_t end = stream.find("\n\n");
        if (!stream.starts_with("data: ") || end == std::string_view::npos) {
            throw std::runtime_error("not a frame: " + std::string(stream.substr(0, 80)));
        }
        frames.emplace_back(stream.substr(6, end - 6));
        stream.remove_prefix(end + 2);
    }
    return frames;
}

std::vector<std::string> types_of(std::string_view stream) {
    std::vector<std::string> types;
    for (const std::string& frame : frames_of(stream)) {
        const auto json = parse_json(frame, {200});
        types.push_back(json ? std::string(string_member(*json, "type").value_or("?")) : frame);
    }
    return types;
}

std::string judged(std::string_view stream, Warnings warnings) {
    contract::Judge judge(contract::Profile::ai_sdk);
    judge.messages_known();
    judge.feed(stream);
    const contract::Judgement judgement = judge.finish();
    std::string out;
    for (const contract::Violation& violation : judgement.violations) {
        out += std::string(violation.rule->id) + " must: " + violation.message + "\n";
    }
    if (warnings == Warnings::counted) {
        for (const contract::Violation& warning : judgement.warnings) {
            out += std::string(warning.rule->id) + " should: " + warning.message + "\n";
        }
    }
    return out;
}

std::string joined_deltas(std::string_view stream, std::string_view type) {
    std::string out;
    for (const std::string& frame : frames_of(stream)) {
        const auto json = parse_json(frame, {200});
        if (json && string_member(*json, "type") == type) {
            out += string_member(*json, "delta").value_or("");
        }
    }
    return out;
}

std::vector<std::string> hard_texts(const std::vector<std::string>& more) {
    std::vector<std::string> all{
        "", "x", "two words", "é", "\xC3", "\xA9", "\xF0\x9F", "\x98\x80", "\xFF"
    };
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

} // namespace oa_stream::encode::test
