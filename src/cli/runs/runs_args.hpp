// Common parts of the commands on stored runs.
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

/// The common members of a document, for a command that makes no run.
[[nodiscard]] Json
plain_document(const run::RunEntry* run = nullptr, Verdict verdict = Verdict::pass);

/// The run that `word` names.
[[nodiscard]] Result<run::RunEntry> named_run(std::string_view word, const Context& context);

/// The run's name in a suggested command: its id, or its folder if it was moved.
[[nodiscard]] std::string word_of(const run::RunEntry& run, const Context& context);

/// The run's traffic may not be restored, or its rollback was not verified: the reason and the next
/// command. Unset when nothing is open.
struct Unfinished {
    std::string why;
    Advice next;
};
[[nodiscard]] std::optional<Unfinished>
unfinished(const run::RunEntry& run, const Context& context);

/// Unset for a start in the future, or an unknown one.
[[nodiscard]] std::optional<std::chrono::seconds> age_of(const run::RunEntry& run);
/// "3m"; "–" when unknown.
[[nodiscard]] std::string age_text_of(const run::RunEntry& run);

} // namespace oa_stream::cli
