// The built-in recordings: written by hand in the form of real captures.
#include "replay_library.hpp"

#include <utility>

namespace oa_stream::authority {

namespace {

/// Builds one capture, event by event, on its own clock.
class Script {
public:
    explicit Script(std::string name) {
        capture_.name = std::move(name);
        capture_.thread = "builtin";
        capture_.turn = "builtin-" + capture_.name;
        capture_.model = "replay";
        at(0.01, turn::TurnStarted{capture_.thread, capture_.turn, capture_.model});
    }
    Script& at(double pause_s, turn::Event event) {
        clock_s_ += pause_s;
        capture_.events.push_back(TimedEvent{.t_s = clock_s_, .event = std::move(event)});
        return *this;
    }
    /// A part whose words are `pause_s` apart.
    Script&
    speak(const std::string& id, turn::PartKind kind, std::string_view text, double pause_s) {
        at(0.05, turn::PartOpened{id, kind});
        say(id, text, pause_s);
        return at(0.005, turn::PartClosed{id});
    }
    Script& say(const std::string& id, std::string_view text, double pause_s) {
        while (!text.empty()) {
            const std::size_t space = text.find(' ');
            const std::size_t size = space == std::string_view::npos ? text.size() : space + 1;
            at(pause_s, turn::PartDelta{id, std::string(text.substr(0, size))});
            text.remove_prefix(size);
        }
        return *this;
    }
    [[nodiscard]] Capture end(turn::TurnEnded ended) {
        if (ended.usage) {
            at(0.005, turn::UsageKnown{*ended.usage});
        }
        at(0.005, std::move(ended));
        return std::move(capture_);
    }
    [[nodiscard]] Capture stop() {
        capture_.eof_before_end = true;
        capture_.eof_t_s = clock_s_ + 0.05;
        return std::move(capture_);
    }

private:
    Capture capture_{};
    double clock_s_ = 0;
};

turn::TurnEnded completed(std::int64_t output, std::int64_t reasoning = 0) {
    return turn::TurnEnded{
        .usage = turn::Usage{.input = 100, .output = output, .reasoning_output = reasoning}
    };
}

Capture hello() {
    return Script("hello")
        .speak(
            "m1", turn::PartKind::text, "Hello! This answer was recorded; no model was asked.", 0.03
        )
        .end(completed(10));
}

Capture story() {
    return Script("story")
        .speak(
            "m1",
            turn::PartKind::text,
            "A stream is a promise kept in small pieces. Each piece arrives, is checked against "
            "the rules, and is handed on in the order it came. Nobody waits for the whole before "
            "the first word is read. When something breaks on the way, the reader is told so, in "
            "words, and is never left to guess whether silence means the end.\n\nThat is all there "
            "is to it: begin, go on, and end for everyone to see.",
            0.025
        )
        .end(completed(80));
}

Capture think() {
    return Script("think")
        .speak(
            "r1",
            turn::PartKind::reasoning,
            "**Weighing** two ways to say it, then the shorter one.",
            0.02
        )
        .speak("m1", turn::PartKind::text, "Short answer: yes. The longer one says the same.", 0.03)
        .end(completed(24, 12));
}

Capture tool() {
    Json input = Json::object({{"command", "uname -s"}});
    Json output = Json::object({{"status", "completed"}, {"exitCode", 0}, {"output", "Linux\n"}});
    Script script("tool");
    script.speak("m1", turn::PartKind::text, "One moment, I will look.", 0.03)
        .at(0.05, turn::ToolOpened{"c1", "shell", true})
        .at(0.005, turn::ToolInputReady{"c1", std::move(input)})
        .at(0.05, turn::ToolOutputDelta{"c1", "Linux\n"})
        .at(0.02, turn::ToolOutput{"c1", std::move(output)});
    return script.speak("m2", turn::PartKind::text, "This machine runs Linux.", 0.03)
        .end(completed(30));
}

Capture fails() {
    turn::TurnEnded ended{.outcome = turn::Outcome::failed, .finish = turn::Finish::error};
    ended.failure = turn::Failure{
        .code = turn::FailureCode::turn_failed, .retryable = true, .detail = "recorded failure"
    };
    Script script("fail");
    script.at(0.05, turn::PartOpened{"m1", turn::PartKind::text})
        .say("m1", "This answer will not be", 0.03);
    return script.end(std::move(ended));
}

Capture length() {
    turn::TurnEnded ended = completed(12);
    ended.finish = turn::Finish::length;
    return Script("length")
        .speak("m1", turn::PartKind::text, "The limit was reached before the", 0.03)
        .end(std::move(ended));
}

Capture eof() {
    Script script("eof");
    script.at(0.05, turn::PartOpened{"m1", turn::PartKind::text})
        .say("m1", "And then the authority", 0.03);
    return script.stop();
}

} // namespace

std::vector<Capture> builtin_captures() {
    std::vector<Capture> out;
    out.push_back(eof());
    out.push_back(fails());
    out.push_back(hello());
    out.push_back(length());
    out.push_back(story());
    out.push_back(think());
    out.push_back(tool());
    return out;
}

} // namespace oa_stream::authority
