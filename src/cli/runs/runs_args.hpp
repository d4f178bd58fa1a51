// What the commands on stored runs share.
#pragma once

#include "oa_stream/playbook/status.hpp"
#include "oa_stream/run/runs.hpp"

#include "core/command.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::cli {

struct RunWord {
    std::string run = "last";
};
inline constexpr auto k_run_positional =
    positional<&RunWord::run>(
        "RUN", "A run: its folder's name, a unique beginning or end, `last` or `last:KIND`."
    )
        .optional();

/// What every document has, for a command that makes no run.
[[nodiscard]] Json
plain_document(const run::RunEntry* run = nullptr, Verdict verdict = Verdict::pass);

/// The run that `word` names.
[[nodiscard]] Result<run::RunEntry> named_run(std::string_view word, const Context& context);

/// What names it in a command to type: its id, or its folder when that was moved.
[[nodiscard]] std::string word_of(const run::RunEntry& run, const Context& context);

/// Traffic of this run may not be where it began, or its rollback was not verified: why, and what
/// to type. Nothing when it is over.
struct Unfinished {
    std::string why;
    Advice next;
};
[[nodiscard]] std::optional<Unfinished>
unfinished(const run::RunEntry& run, const Context& context);

/// Nothing for one from the future, and where nobody knows when it began.
[[nodiscard]] std::optional<std::chrono::seconds> age_of(const run::RunEntry& run);
/// "3m"; "–" for nothing.
[[nodiscard]] std::string age_text_of(const run::RunEntry& run);

} // namespace oa_stream::cli
