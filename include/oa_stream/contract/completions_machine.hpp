// The state machine of a legal stream of chat completion chunks, and the rules of a whole answer.
// Pure: no I/O, no clock. The writer can only emit what they allow.
#pragma once

#include "oa_stream/contract/ui_machine.hpp"
#include "oa_stream/wire/completions_chunk.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace oa_stream::contract {

/// role, content and tool calls…, finish, usage?, [DONE] – or, instead of finish: usage?, error.
class CompletionsMachine {
public:
    using Report = UiMachine::Report;

    /// Processes the next event, reports every rule it breaks, and continues.
    void step(const wire::completions::Event& event, const Report& report);
    /// The next event is one that no client could read.
    void unreadable(const Report& report);
    /// The next line is a comment; it matters only after the end.
    void comment(const Report& report);
    /// The stream has ended.
    void finish(const Report& report);

    [[nodiscard]] bool done() const noexcept { return dones_ != 0; }     ///< [DONE] seen
    [[nodiscard]] bool failed() const noexcept { return errors_ != 0; }  ///< an error was seen
    [[nodiscard]] bool finished() const noexcept { return finishes_ != 0; }

private:
    void apply(const wire::completions::Chunk& chunk, const Report& report);
    void apply(const wire::completions::ErrorObject& error, const Report& report);
    void apply(const wire::completions::Done& done, const Report& report);
    void same(const wire::completions::Chunk& chunk, const Report& report);
    void usage(const wire::completions::Chunk& chunk, const Report& report);
    void role(const wire::completions::Chunk& chunk, const Report& report);
    void content(const wire::completions::Chunk& chunk, const Report& report);
    void calls(const wire::completions::Chunk& chunk, const Report& report);
    void ending(const wire::completions::Chunk& chunk, const Report& report);
    void after_end(const Report& report);

    /// its id, created and model apply to all chunks
    std::optional<wire::completions::Chunk> first_{};
    bool any_event_ = false;
    bool text_ = false;
    bool early_usage_ = false; ///< usage without finish: only an error may follow
    bool noted_after_end_ = false;
    std::int64_t calls_ = 0; ///< tool calls started
    std::map<std::string, std::int64_t, std::less<>> call_ids_{}; ///< index of each
    std::uint64_t roles_ = 0;
    std::uint64_t finishes_ = 0;
    std::uint64_t usages_ = 0;
    std::uint64_t errors_ = 0;
    std::uint64_t dones_ = 0;
};

/// Rules C13, C20 and C21 of an answer, apart from member types, which the room wire checks.
void judge_answer(
    const wire::completions::Answer& answer, const CompletionsMachine::Report& report
);

} // namespace oa_stream::contract
