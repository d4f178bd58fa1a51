#include "oa_stream/contract/judge.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/contract/responses_machine.hpp"
#include "oa_stream/wire/object_scan.hpp"
#include "oa_stream/wire/sse.hpp"

#include "completions_answer.hpp"
#include "headers.hpp"
#include "openagents_machine.hpp"
#include "replay.hpp"

#include <fmt/format.h>

#include <array>
#include <map>

namespace oa_stream::contract {

namespace {

bool is_ui(Profile profile) noexcept {
    return profile == Profile::ai_sdk || profile == Profile::ai_sdk_6;
}

/// Rules about a missing end: not applicable to a stream whose reader disconnected.
constexpr std::array<std::string_view, 5> k_of_an_end{"O5", "O6", "O9", "C17", "V13"};

wire::ui::Dialect dialect_of(Profile profile) noexcept {
    return profile == Profile::ai_sdk_6 ? wire::ui::Dialect::approvals
                                        : wire::ui::Dialect::every_client;
}

} // namespace

struct Judge::Impl {
    Profile profile;
    UiMachine machine;
    OpenagentsMachine retired{};
    CompletionsMachine completion{};
    ResponsesMachine response{};
    CompletionsAnswer answer;
    std::optional<Replay> replay{};
    Judgement judgement{};
    std::map<const Rule*, std::uint64_t> counts{};
    std::uint64_t frame = 0;  ///< frame number for findings
    std::uint64_t offset = 0;
    bool head_known = false;
    bool messages_known = false;
    bool no_stream = false;  ///< status other than 200
    bool no_content = false; ///< 204: nothing to resume
    bool head_judged = false;
    std::function<void(const wire::ui::Chunk&, std::uint64_t)> on_chunk{};
    std::function<void(const wire::completions::Event&, std::uint64_t)> on_completion{};
    std::function<void(const Json&, std::uint64_t)> on_response_event{};
    std::function<void()> on_comment{};
    UiMachine::Report report{};
    wire::SseReader reader;

    Impl(Profile wanted, std::optional<Continues> continues)
        : profile(wanted), machine(std::move(continues), dialect_of(wanted)), answer(wanted),
          reader(sink()) {
        report = [this](std::string_view rule, std::string message) {
            add(rule, std::move(message));
        };
    }
    Impl(const Impl&) = delete; // the callbacks capture `this`
    Impl& operator=(const Impl&) = delete;
    ~Impl() = default;

    [[nodiscard]] bool is_completions() const noexcept {
        return profile == Profile::chat_completions;
    }
    [[nodiscard]] bool openai() const noexcept { return is_openai(profile); }

    /// Calls `use` with the state machine of the profile.
    template <class Use> auto with_machine(const Use& use) {
        if (is_ui(profile)) {
            return use(machine);
        }
        if (is_completions()) {
            return use(completion);
        }
        return openai() ? use(response) : use(retired);
    }

    wire::SseReader::Sink sink() {
        return {
            .event = [this](const wire::SseEvent& event) { take_event(event); },
            .note = [this](const wire::SseNote& note) { take_note(note); },
            .comment = [this](std::uint64_t at) { take_comment(at); },
            .empty =
                [this](std::uint64_t at) {
                    if (openai()) { // browsers drop such an event; OpenAI's clients parse its data
                        take_note({"J1", at, "an event: without data"});
                    }
                },
        };
    }

    void know_messages(bool known) {
        messages_known = known;
        machine.messages_known(known);
    }

    void add(std::string_view id, std::string message) {
        const Rule* rule = find_rule(id);
        if (++counts[rule] > k_listed) {
            ++judgement.unlisted;
            return;
        }
        auto& list = rule->level == Level::must ? judgement.violations : judgement.warnings;
        list.push_back(Violation{rule, frame, offset, std::move(message)});
    }

    void add_notes(std::vector<wire::ui::ParseNote>& notes) {
        for (wire::ui::ParseNote& note : notes) {
            add(note.rule, std::move(note.text));
        }
    }

    void take_note(const wire::SseNote& note) {
        frame = judgement.frames;
        offset = note.offset;
        if (applies(*find_rule(note.rule), profile)) {
            add(note.rule, note.text);
        }
    }

    void take_comment(std::uint64_t at) {
        frame = judgement.frames;
        offset = at;
        with_machine([this](auto& one) { one.comment(report); });
        if (on_comment) {
            on_comment();
        }
    }

    void take_event(const wire::SseEvent& event) {
        frame = event.index;
        offset = event.offset;
        if (is_ui(profile)) {
            auto parsed = wire::ui::parse_chunk(event.data, dialect_of(profile));
            take_parsed(machine, parsed.chunk, parsed.notes, on_chunk);
        } else if (is_completions()) {
            auto parsed = wire::completions::parse_event(event.data);
            take_parsed(completion, parsed.event, parsed.notes, on_completion);
        } else if (openai()) {
            take_object(event.data, &event.name);
        } else {
            take_retired(event.data);
        }
        if (replay) {
            replay->step(event.data, report);
        }
        judgement.frames = event.index + 1;
    }

    /// `value`: the event as a client reads it; unset: no client can read it.
    void take_parsed(
        auto& by, const auto& value, std::vector<wire::ui::ParseNote>& notes, const auto& on_value
    ) {
        add_notes(notes);
        if (!value) {
            by.unreadable(report);
            return;
        }
        by.step(*value, report);
        if (on_value) {
            on_value(*value, offset);
        }
    }

    void take_retired(std::string_view data) {
        if (data == "[DONE]") {
            retired.done_mark(report);
            return;
        }
        take_object(data, nullptr);
    }

    /// One JSON object; under profile responses with the `name` of its event.
    void take_object(std::string_view data, const std::string* name) {
        std::vector<wire::ui::ParseNote> notes;
        const auto scanned = wire::scan_object(data, "J1", notes);
        add_notes(notes);
        if (!scanned) {
            name != nullptr ? response.unreadable(report) : retired.unreadable(report);
            return;
        }
        if (name == nullptr) {
            retired.step(scanned->value, report);
            return;
        }
        response.step(scanned->value, *name, report);
        if (on_response_event) {
            on_response_event(scanned->value, offset);
        }
    }

    void take_head(const ResponseHead& head) {
        head_known = true;
        if (openai()) {
            answer.head(head); // its required headers depend on the body
            return;
        }
        in_head();
        const bool resume_none = replay && head.status == 204;
        no_stream = head.status != 200;
        if (!no_stream) {
            judge_headers(head, profile, report);
        } else if (!resume_none) {
            add(replay ? "R1" : "H1", fmt::format("status {}", head.status));
        }
        no_content = resume_none;
    }

    void take_bytes(std::string_view bytes) {
        judgement.bytes += bytes.size();
        if (openai()) {
            bytes = answer.take(bytes);
            if (answer.streamed()) {
                judge_answer_head();
            }
        }
        if (!no_stream) {
            reader.feed(bytes);
        }
    }

    void judge_answer_head() {
        if (!std::exchange(head_judged, true)) {
            in_head();
            answer.judge_head(report);
        }
    }

    /// True when the answer is not a stream.
    bool end_answer() {
        reader.feed(answer.end());
        judge_answer_head();
        if (answer.whole()) {
            frame = 0;
            offset = 0;
            judgement.answer = answer.judge_body(report);
        }
        return answer.whole();
    }

    void in_head() {
        frame = k_in_head;
        offset = 0;
    }

    void at_end() {
        frame = k_at_end;
        offset = judgement.bytes;
    }

    void end_stream() {
        reader.finish();
        if (reader.overflowed()) {
            return; // the rest was not read, so its absence proves nothing
        }
        at_end();
        with_machine([this](auto& one) { one.finish(report); });
        if (replay) {
            replay->finish(report);
        }
    }

    [[nodiscard]] bool judged(const Rule& rule, End end) const {
        if (end == End::left && contains(k_of_an_end, rule.id)) {
            return false;
        }
        const bool resume_rule = rule.input == Input::resume;
        if (no_stream) {
            return replay ? rule.id == "R1" || (no_content && rule.id == "R2") : rule.id == "H1";
        }
        if (resume_rule && (rule.id == "R1" || rule.id == "R2")) {
            return replay && head_known;
        }
        switch (rule.input) {
        case Input::headers:
            return head_known;
        case Input::messages:
            return messages_known;
        case Input::resume:
            return replay.has_value();
        case Input::transport:
            return end != End::unknown && end != End::left;
        case Input::bytes:
            break;
        }
        return !machine.undecided(rule.id) || counts.contains(&rule);
    }

    Judgement finish(End end) {
        judgement.left = end == End::left;
        at_end();
        if (openai() && end_answer()) {
            // already judged as a whole
        } else if (!no_stream && end != End::left) {
            end_stream();
        } else if (no_content && judgement.bytes != 0) {
            add("R2", fmt::format("{} bytes", judgement.bytes));
        }
        at_end();
        if (end == End::cut && !no_stream) {
            add("W3", "the connection broke");
        }
        for (const Rule& rule : all_rules()) {
            if (applies(rule, profile, judgement.answer) && !judged(rule, end)) {
                judgement.not_judged.push_back(rule.id);
            }
        }
        return std::move(judgement);
    }
};

Judge::Judge(Profile profile, std::optional<Continues> continues) {
    const bool known = continues.has_value();
    impl_ = std::make_unique<Impl>(profile, std::move(continues));
    impl_->know_messages(known);
}
Judge::~Judge() = default;
Judge::Judge(Judge&&) noexcept = default;
Judge& Judge::operator=(Judge&&) noexcept = default;

void Judge::messages_known() {
    impl_->know_messages(true);
}

void Judge::replays(std::string_view recording) {
    if (!impl_->openai()) { // OpenAI's streams are never resumed
        impl_->replay.emplace(recording);
    }
}

void Judge::head(const ResponseHead& head) {
    impl_->take_head(head);
}

void Judge::feed(std::string_view bytes) {
    impl_->take_bytes(bytes);
}

void Judge::on_chunk(std::function<void(const wire::ui::Chunk&, std::uint64_t offset)> fn) {
    impl_->on_chunk = std::move(fn);
}

void Judge::on_completion(
    std::function<void(const wire::completions::Event&, std::uint64_t offset)> fn
) {
    impl_->on_completion = std::move(fn);
}

void Judge::on_response_event(std::function<void(const Json&, std::uint64_t offset)> fn) {
    impl_->on_response_event = std::move(fn);
}

void Judge::on_comment(std::function<void()> fn) {
    impl_->on_comment = std::move(fn);
}

bool Judge::done() const noexcept {
    return impl_->with_machine([](const auto& one) { return one.done(); });
}

Judgement Judge::finish(End end) {
    return impl_->finish(end);
}

} // namespace oa_stream::contract
