#include "oa_stream/contract/judge.hpp"

#include "oa_stream/base/text.hpp"
#include "oa_stream/wire/json_scan.hpp"
#include "oa_stream/wire/sse.hpp"

#include "headers.hpp"
#include "openagents_machine.hpp"
#include "replay.hpp"

#include <fmt/format.h>

#include <map>

namespace oa_stream::contract {

struct Judge::Impl {
    Profile profile;
    UiMachine machine;
    OpenagentsMachine retired{};
    std::optional<Replay> replay{};
    Judgement judgement{};
    std::map<const Rule*, std::uint64_t> counts{};
    std::uint64_t frame = 0;  ///< where findings are reported to stand
    std::uint64_t offset = 0;
    bool head_known = false;
    bool messages_known = false;
    bool no_stream = false;  ///< another status than 200
    bool no_content = false; ///< 204: there is nothing to resume
    std::function<void(const wire::ui::Chunk&, std::uint64_t)> on_chunk{};
    std::function<void()> on_comment{};
    UiMachine::Report report{};
    wire::SseReader reader;

    Impl(Profile wanted, std::optional<Continues> continues)
        : profile(wanted), machine(std::move(continues)), reader(sink()) {
        report = [this](std::string_view rule, std::string message) {
            add(rule, std::move(message));
        };
    }
    Impl(const Impl&) = delete; // the callbacks hold its address
    Impl& operator=(const Impl&) = delete;
    ~Impl() = default;

    wire::SseReader::Sink sink() {
        return {
            .event = [this](const wire::SseEvent& event) { take_event(event); },
            .note = [this](const wire::SseNote& note) { take_note(note); },
            .comment = [this](std::uint64_t at) { take_comment(at); },
        };
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

    void take_note(const wire::SseNote& note) {
        frame = judgement.frames;
        offset = note.offset;
        add(note.rule, note.text);
    }

    void take_comment(std::uint64_t at) {
        frame = judgement.frames;
        offset = at;
        if (profile == Profile::ai_sdk) {
            machine.comment(report);
        } else {
            retired.comment(report);
        }
        if (on_comment) {
            on_comment();
        }
    }

    void take_event(const wire::SseEvent& event) {
        frame = event.index;
        offset = event.offset;
        if (profile == Profile::ai_sdk) {
            take_chunk(event.data);
        } else {
            take_retired(event.data);
        }
        if (replay) {
            replay->step(event.data, report);
        }
        judgement.frames = event.index + 1;
    }

    void take_chunk(std::string_view data) {
        wire::ui::Parsed parsed = wire::ui::parse_chunk(data);
        for (wire::ui::ParseNote& note : parsed.notes) {
            add(note.rule, std::move(note.text));
        }
        if (!parsed.chunk) {
            machine.unreadable(report);
            return;
        }
        machine.step(*parsed.chunk, report);
        if (on_chunk) {
            on_chunk(*parsed.chunk, offset);
        }
    }

    void take_retired(std::string_view data) {
        if (data == "[DONE]") {
            retired.done_mark(report);
            return;
        }
        const wire::ScannedJson scanned = wire::scan_json(data);
        if (scanned.fault != wire::JsonFault::none || !scanned.value.is_object()) {
            const bool deep = scanned.fault == wire::JsonFault::too_deep;
            add(deep ? "W2" : "J1", deep ? "JSON is nested too deep" : "not a JSON object");
            retired.unreadable(report);
            return;
        }
        if (scanned.repeated_key) {
            add("J6", fmt::format("key \"{}\" twice", printable(*scanned.repeated_key)));
        }
        if (scanned.forbidden_key) {
            add("J7", fmt::format("key \"{}\"", *scanned.forbidden_key));
        }
        if (scanned.lone_surrogate && wire::has_lone_surrogate(scanned.value)) {
            add("J5", "lone surrogate");
        }
        retired.step(scanned.value, report);
    }

    void take_head(const ResponseHead& head) {
        head_known = true;
        frame = k_in_head;
        offset = 0;
        const bool resume_none = replay && head.status == 204;
        no_stream = head.status != 200;
        if (!no_stream) {
            judge_headers(head, report);
        } else if (!resume_none) {
            add(replay ? "R1" : "H1", fmt::format("status {}", head.status));
        }
        no_content = resume_none;
    }

    void at_end() {
        frame = k_at_end;
        offset = judgement.bytes;
    }

    void end_stream() {
        reader.finish();
        if (reader.overflowed()) {
            return; // the rest was not read: its absence proves nothing
        }
        at_end();
        if (profile == Profile::ai_sdk) {
            machine.finish(report);
        } else {
            retired.finish(report);
        }
        if (replay) {
            replay->finish(report);
        }
    }

    [[nodiscard]] bool judged(const Rule& rule, End end) const {
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
            return end != End::unknown;
        case Input::bytes:
            break;
        }
        return true;
    }

    Judgement finish(End end) {
        at_end();
        if (!no_stream) {
            end_stream();
        } else if (no_content && judgement.bytes != 0) {
            add("R2", fmt::format("{} bytes", judgement.bytes));
        }
        at_end();
        if (end == End::cut && !no_stream) {
            add("W3", "the connection broke");
        }
        for (const Rule& rule : all_rules()) {
            if (applies(rule, profile) && !judged(rule, end)) {
                judgement.not_judged.push_back(rule.id);
            }
        }
        return std::move(judgement);
    }
};

Judge::Judge(Profile profile, std::optional<Continues> continues) {
    const bool known = continues.has_value();
    impl_ = std::make_unique<Impl>(profile, std::move(continues));
    impl_->messages_known = known;
}
Judge::~Judge() = default;
Judge::Judge(Judge&&) noexcept = default;
Judge& Judge::operator=(Judge&&) noexcept = default;

void Judge::messages_known() {
    impl_->messages_known = true;
}

void Judge::replays(std::string_view recording) {
    impl_->replay.emplace(recording);
}

void Judge::head(const ResponseHead& head) {
    impl_->take_head(head);
}

void Judge::feed(std::string_view bytes) {
    impl_->judgement.bytes += bytes.size();
    if (!impl_->no_stream) {
        impl_->reader.feed(bytes);
    }
}

void Judge::on_chunk(std::function<void(const wire::ui::Chunk&, std::uint64_t offset)> fn) {
    impl_->on_chunk = std::move(fn);
}

void Judge::on_comment(std::function<void()> fn) {
    impl_->on_comment = std::move(fn);
}

bool Judge::done() const noexcept {
    return impl_->profile == Profile::ai_sdk ? impl_->machine.done() : impl_->retired.done();
}

Judgement Judge::finish(bool clean) {
    return impl_->finish(clean ? End::clean : End::cut);
}

Judgement Judge::finish(End end) {
    return impl_->finish(end);
}

} // namespace oa_stream::contract
