#include "legal_stream.hpp"

#include <algorithm>
#include <optional>
#include <string>

namespace oa_stream::contract {

using namespace wire::ui;

namespace {

template <class... Types> bool is(const Chunk& chunk) {
    return (std::holds_alternative<Types>(chunk) || ...);
}

/// The call a tool chunk belongs to.
std::optional<std::string> call_of(const Chunk& chunk) {
    return std::visit(
        [](const auto& known) -> std::optional<std::string> {
            if constexpr (requires { known.call; }) {
                return known.call;
            } else {
                return std::nullopt;
            }
        },
        chunk
    );
}

bool is_part(const Chunk& chunk) {
    return is<PartStart, PartDelta, PartEnd>(chunk);
}

std::string part_id(const Chunk& chunk) {
    return std::visit(
        [](const auto& known) -> std::string {
            if constexpr (requires { known.kind; }) {
                return (known.kind == PartKind::text ? "t" : "r") + known.id;
            } else {
                return {};
            }
        },
        chunk
    );
}

template <class Type> std::size_t find(const Stream& stream) {
    return static_cast<std::size_t>(
        std::ranges::find_if(stream, [](const Chunk& chunk) { return is<Type>(chunk); }) -
        stream.begin()
    );
}

template <class Type> bool has(const Stream& stream) {
    return find<Type>(stream) != stream.size();
}

/// Where nothing but finish-step and finish may come: behind error or abort, else behind finish.
std::size_t content_end(const Stream& stream) {
    return std::min({find<ErrorChunk>(stream), find<Abort>(stream), find<Finish>(stream)});
}

class Builder {
public:
    explicit Builder(std::mt19937& random) : random_(random) {}

    Stream build() {
        add(Start{"m", {}});
        add(StartStep{});
        for (auto i = pick(12); i > 0; --i) {
            one_move();
        }
        close_part();
        switch (pick(4)) {
        case 0:
            end_calls(true);
            add(Data{"error", {}, Json{{"code", "stalled"}}, false});
            add(ErrorChunk{"failed"});
            break;
        case 1:
            end_calls(true);
            add(Abort{});
            break;
        default:
            end_calls(false);
        }
        add(FinishStep{});
        add(Finish{});
        add(Done{});
        return std::move(out_);
    }

private:
    struct Call {
        std::string id, text;
        bool streaming;
    };

    std::uint_fast32_t pick(std::uint_fast32_t below) { return random_() % below; }
    void add(Chunk chunk) { out_.push_back(std::move(chunk)); }
    std::string next(std::string_view prefix) {
        return std::string(prefix) + std::to_string(++last_);
    }

    void one_move() {
        switch (pick(6)) {
        case 0:
            close_part();
            open_ = PartStart{pick(2) == 0 ? PartKind::text : PartKind::reasoning, next("p")};
            add(*open_);
            break;
        case 1:
            if (open_) {
                add(PartDelta{open_->kind, open_->id, next("words ")});
            }
            break;
        case 2:
            close_part();
            break;
        case 3:
            open_call();
            break;
        case 4:
            if (!calls_.empty()) {
                end_call(pick(static_cast<std::uint_fast32_t>(calls_.size())), pick(2) == 0);
            }
            break;
        default:
            add(Data{"plan", {}, Json(next("step ")), pick(2) == 0});
        }
    }

    void open_call() {
        const std::string id = next("c");
        const std::string text = dump_json(Json{{"cmd", next("ls ")}, {"n", last_}});
        if (pick(3) == 0) {
            add(ToolInputAvailable{id, "shell", parse_json(text).value(), true, true});
            calls_.push_back({id, text, false});
            return;
        }
        add(ToolInputStart{id, "shell", true, true});
        if (pick(3) != 0) {
            const std::size_t half = 1 + pick(static_cast<std::uint_fast32_t>(text.size() - 1));
            add(ToolInputDelta{id, text.substr(0, half)});
            add(ToolInputDelta{id, text.substr(half)});
        }
        calls_.push_back({id, text, true});
    }

    void end_call(std::size_t at, bool failed) {
        const Call call = calls_[at];
        calls_.erase(calls_.begin() + static_cast<std::ptrdiff_t>(at));
        if (call.streaming && (!failed || pick(3) == 0)) {
            add(ToolInputAvailable{call.id, "shell", parse_json(call.text).value(), true, true});
        }
        if (failed) {
            add(ToolOutputError{call.id, "failed", true, true});
        } else {
            add(ToolOutputAvailable{call.id, Json(1), true, true});
        }
    }

    void end_calls(bool failed) {
        while (!calls_.empty()) {
            end_call(0, failed);
        }
    }

    void close_part() {
        if (open_) {
            add(PartEnd{open_->kind, open_->id});
            open_.reset();
        }
    }

    std::mt19937& random_;
    Stream out_{};
    std::optional<PartStart> open_{};
    std::vector<Call> calls_{};
    int last_ = 0;
};

/// True when the call of the tool-input-start at `at` has a later chunk of type T.
template <class T> bool follows(const Stream& stream, std::size_t at) {
    const auto call = call_of(stream[at]);
    return std::any_of(
        stream.begin() + static_cast<std::ptrdiff_t>(at) + 1,
        stream.end(),
        [&](const Chunk& chunk) { return is<T>(chunk) && call_of(chunk) == call; }
    );
}

bool failed_before_input(const Stream& stream, std::size_t at) {
    const auto call = call_of(stream[at]);
    return std::ranges::none_of(stream, [&](const Chunk& chunk) {
        return is<ToolInputAvailable>(chunk) && call_of(chunk) == call;
    });
}

/// True when `to` is behind the Begin and not behind the End of what the chunk at `from` is part
/// of.
template <class Begin, class End>
bool stays_within(const Stream& stream, std::size_t from, std::size_t to, auto id_of) {
    const auto id = id_of(stream[from]);
    std::size_t start = from;
    while (!(is<Begin>(stream[start]) && id_of(stream[start]) == id)) {
        --start;
    }
    std::size_t end = from;
    while (!(is<End>(stream[end]) && id_of(stream[end]) == id)) {
        ++end;
    }
    return to > start && to <= end;
}

} // namespace

Stream random_legal_stream(std::mt19937& random) {
    return Builder(random).build();
}

std::string_view legal_to_drop(const Stream& stream, std::size_t at) {
    const Chunk& chunk = stream[at];
    if (is<PartDelta>(chunk)) {
        return "a lost delta cannot be seen";
    }
    if (is<Data>(chunk)) {
        return "data parts come as they like";
    }
    if (is<ToolInputStart>(chunk) && !follows<ToolInputDelta>(stream, at) &&
        follows<ToolInputAvailable>(stream, at)) {
        return "tool-input-available may come without tool-input-start";
    }
    if (is<ToolInputDelta>(chunk) && failed_before_input(stream, at)) {
        return "the input of a failed call is never complete";
    }
    if (is<ToolInputAvailable>(chunk) && !follows<ToolOutputAvailable>(stream, at) &&
        std::any_of(
            stream.begin(),
            stream.begin() + static_cast<std::ptrdiff_t>(at),
            [&](const Chunk& earlier) {
                return is<ToolInputStart>(earlier) && call_of(earlier) == call_of(chunk);
            }
        )) {
        return "a call may fail before its input is complete";
    }
    if (is<ToolOutputAvailable, ToolOutputError>(chunk) && has<Abort>(stream) &&
        !failed_before_input(stream, at)) {
        return "an abort may leave a call open";
    }
    if (is<ErrorChunk, Abort>(chunk)) {
        return "without it the turn looks completed";
    }
    if (is<Finish>(chunk) && (has<ErrorChunk>(stream) || has<Abort>(stream))) {
        return "finish is optional after error or abort";
    }
    return {};
}

std::string_view legal_to_copy(const Stream& stream, std::size_t from, std::size_t to) {
    const Chunk& chunk = stream[from];
    if (is<Data>(chunk) && to > 0 && to <= content_end(stream)) {
        return "data parts stand anywhere between start and the end of content";
    }
    if (is<PartDelta>(chunk) && stays_within<PartStart, PartEnd>(stream, from, to, part_id)) {
        return "a repeated delta is only text";
    }
    if (is<ToolInputDelta>(chunk) && failed_before_input(stream, from) &&
        stays_within<ToolInputStart, ToolOutputError>(stream, from, to, call_of)) {
        return "the input of a failed call is never complete";
    }
    return {};
}

std::string_view legal_to_swap(const Stream& stream, std::size_t at) {
    const Chunk& a = stream[at];
    const Chunk& b = stream[at + 1];
    const auto either = [&](auto&& test) { return test(a) || test(b); };
    if (either([](const Chunk& chunk) { return is<Start, Finish, Done>(chunk); })) {
        return {};
    }
    if (either([](const Chunk& chunk) { return is<Data>(chunk); })) {
        const bool ends = either([](const Chunk& chunk) { return is<ErrorChunk, Abort>(chunk); });
        return ends ? std::string_view{} : "data parts stand anywhere before the end of content";
    }
    const auto call_a = call_of(a);
    const auto call_b = call_of(b);
    if ((is_part(a) && call_b) || (call_a && is_part(b))) {
        return "parts and tools may interleave";
    }
    if (is<PartDelta>(a) && is<PartDelta>(b)) {
        return "two deltas of one part are only text";
    }
    if (call_a && call_b && call_a != call_b) {
        return "tools may interleave";
    }
    if (is<ToolInputDelta>(a) && is<ToolInputDelta>(b) && failed_before_input(stream, at)) {
        return "the input of a failed call is never complete";
    }
    return {};
}

} // namespace oa_stream::contract
