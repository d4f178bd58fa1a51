// The machine that knows a legal stream of chat completion chunks, and the judgement of a whole
// answer. Pure: no I/O, no clock. The writer can only emit what they allow.
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

    /// Takes the next event, reports every rule it breaks, and goes on.
    void step(const wire::completions::Event& event, const Report& report);
    /// An event stands here that no client could read.
    void unreadable(const Report& report);
    /// A comment stands here: of interest only after the end.
    void comment(const Report& report);
    /// The stream is over.
    void finish(const Report& report);

    [[nodiscard]] bool done() const noexcept { return dones_ != 0; }     ///< [DONE] seen
    [[nodiscard]] bool failed() const noexcept { return errors_ != 0; }  ///< an error seen
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

    std::optional<wire::completions::Chunk> first_{}; ///< whose id, created and model all share
    bool any_event_ = false;
    bool text_ = false;
    bool early_usage_ = false; ///< usage without finish: only an error may follow
    bool noted_after_end_ = false;
    std::int64_t calls_ = 0; ///< tool calls begun
    std::map<std::string, std::int64_t, std::less<>> call_ids_{}; ///< index of each
    std::uint64_t roles_ = 0;
    std::uint64_t finishes_ = 0;
    std::uint64_t usages_ = 0;
    std::uint64_t errors_ = 0;
    std::uint64_t dones_ = 0;
};

/// Rules C13, C20 and C21 of an answer beyond its members' types, which wire notes.
void judge_answer(
    const wire::completions::Answer& answer, const CompletionsMachine::Report& report
);

} // namespace oa_stream::contract
