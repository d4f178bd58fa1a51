#include "oa_stream/run/run_facts.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/verdict.hpp"
#include "oa_stream/run/runs.hpp"
#include "oa_stream/run/suggest.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>

namespace oa_stream::run {

namespace fs = std::filesystem;

namespace {

struct KindRow {
    RunKind kind;
    std::string_view word;
    bool mutates;
};
constexpr std::array k_kinds{
    KindRow{RunKind::smoke_stream, "smoke-stream", false},
    KindRow{RunKind::smoke_completions, "smoke-completions", false},
    KindRow{RunKind::smoke_responses, "smoke-responses", false},
    KindRow{RunKind::smoke_control, "smoke-control", false},
    KindRow{RunKind::load, "load", false},
    KindRow{RunKind::shadow, "shadow", false},
    KindRow{RunKind::slo_gate, "slo-gate", false},
    KindRow{RunKind::slo_budget, "slo-budget", false},
    KindRow{RunKind::slo_status, "slo-status", false},
    KindRow{RunKind::steady_state, "steady-state", false},
    KindRow{RunKind::rehearsal, "rehearsal", false},
    KindRow{RunKind::cutover, "cutover", true},
    KindRow{RunKind::rollback, "rollback", true},
    KindRow{RunKind::rollback_drill, "rollback-drill", true},
    KindRow{RunKind::route_split, "route-split", true},
    KindRow{RunKind::route_verify, "route-verify", false},
    KindRow{RunKind::other, "other", true},
};

struct EndingRow {
    RunEnding ending;
    std::string_view word;
};
constexpr std::array k_endings{
    EndingRow{RunEnding::completed, "completed"},
    EndingRow{RunEnding::failed, "failed"},
    EndingRow{RunEnding::stopped, "stopped"},
    EndingRow{RunEnding::refused, "refused"},
    EndingRow{RunEnding::rolled_back, "rolled_back"},
    EndingRow{RunEnding::held, "held"},
    EndingRow{RunEnding::rollback_unverified, "rollback_unverified"},
    EndingRow{RunEnding::died, "died"},
};

constexpr auto k_unverified = static_cast<std::int64_t>(ExitCode::rollback_unverified);

/// "20260222T043600Z-rollback-drill-1a2b3c4d": what stands between time and number.
std::string kind_in_name(const std::string& name) {
    const auto begin = name.find('-');
    const auto end = name.rfind('-');
    return begin == std::string::npos || end <= begin ? ""
                                                      : name.substr(begin + 1, end - begin - 1);
}

/// Earlier versions wrote the restored run in the command line alone.
std::string restored_run(const Json& document) {
    if (const auto named = string_member(object_in(document, "target"), "restores")) {
        return std::string(*named);
    }
    if (string_member(document, "name") == "route restore") {
        for (const Json& word : list_in(document, "argv")) {
            if (word.is_string() && kind_in_name(word.get<std::string>()) == "route-split") {
                return word.get<std::string>();
            }
        }
    }
    return {};
}

bool derived_mutates(RunKind kind, const Json& document) {
    const Json& target = object_in(document, "target");
    if (string_member(target, "driver") == "local") {
        return false; // its lanes ended with it
    }
    // The plan of a rehearsal can be applied; only then "what" is named.
    const bool applied = string_member(target, "what").has_value();
    return kind_mutates(kind) || (kind == RunKind::rehearsal && applied);
}

/// A run writes "mutated" at its end. One that has not, or could not, may have changed things
/// unless its ending says otherwise.
bool may_have_mutated(const RunFacts& facts, const Json& document) {
    const bool untouched = facts.ended == RunEnding::refused || facts.ended == RunEnding::stopped;
    return facts.mutates && bool_member(document, "mutated").value_or(!untouched);
}

/// The check that says so has it as a member. Earlier versions had it in the check's id.
bool have_users_missed(const Json& document) {
    bool stated = false;
    bool missed = false;
    bool derived = false;
    for (const Json& check : last_checks(document)) {
        const auto word = bool_member(object_in(check, "data"), "users_missed");
        stated = stated || word;
        missed = missed || word.value_or(false);
        derived = derived || (text_in(check, "id").ends_with(".users") &&
                              text_in(check, "verdict") == to_string(Verdict::fail));
    }
    return stated ? missed : derived;
}

std::optional<RunEnding> derived_ending(const Json& document) {
    if (const Json* rolled_back =
            member(document, "rolled_back")) { // afterwards, by another process
        return int_member(*rolled_back, "exit_code") == k_unverified
                   ? RunEnding::rollback_unverified
                   : RunEnding::rolled_back;
    }
    const auto code = int_member(document, "exit_code");
    if (!code) {
        return std::nullopt;
    }
    switch (static_cast<ExitCode>(*code)) {
    case ExitCode::interrupted:
    case ExitCode::terminated:
        return RunEnding::stopped;
    case ExitCode::refused:
        return RunEnding::refused;
    case ExitCode::rolled_back:
        return RunEnding::rolled_back;
    case ExitCode::rollback_unverified:
        return bool_member(document, "held").value_or(false) ? RunEnding::held
                                                             : RunEnding::rollback_unverified;
    case ExitCode::not_executed:
    case ExitCode::credentials:
        return RunEnding::failed;
    default:
        return RunEnding::completed;
    }
}

} // namespace

std::string_view to_string(RunKind kind) noexcept {
    return k_kinds[static_cast<std::size_t>(kind)].word;
}

RunKind run_kind(std::string_view word) noexcept {
    if (word == "verify") { // of earlier versions
        return RunKind::steady_state;
    }
    const auto found = std::ranges::find(k_kinds, word, &KindRow::word);
    return found == k_kinds.end() ? RunKind::other : found->kind;
}

std::span<const std::string_view> run_kind_words() {
    static constexpr auto k_words = [] {
        std::array<std::string_view, k_kinds.size() - 1> out{}; // other is the last
        std::ranges::transform(std::span(k_kinds).first<out.size()>(), out.begin(), &KindRow::word);
        return out;
    }();
    return k_words;
}

bool kind_mutates(RunKind kind) noexcept {
    return k_kinds[static_cast<std::size_t>(kind)].mutates;
}

std::string_view to_string(RunEnding ending) noexcept {
    return k_endings[static_cast<std::size_t>(ending)].word;
}

RunFacts facts_of(const fs::path& folder, const Json& document) {
    RunFacts out;
    const auto word = string_member(document, "kind");
    out.kind = run_kind(word ? *word : kind_in_name(folder.filename().string()));
    out.restores = restored_run(document);
    const auto mutates = bool_member(document, "mutates");
    out.mutates = mutates ? *mutates : derived_mutates(out.kind, document);
    const auto died = bool_member(document, "died");
    out.died = died ? *died : text_in(document, "headline").starts_with("The run died");
    if (const auto ended = string_member(document, "ended")) {
        const auto found = std::ranges::find(k_endings, *ended, &EndingRow::word);
        out.ended = found == k_endings.end() ? std::nullopt : std::optional(found->ending);
    } else {
        out.ended = derived_ending(document);
    }
    out.mutated = may_have_mutated(out, document);
    out.users_missed = have_users_missed(document);
    const auto manual = bool_member(document, "next_manual");
    out.next_manual = manual ? *manual : text_in(document, "next").starts_with(k_by_hand);
    return out;
}

const Json& last_checks(const Json& document) {
    const Json* rolled_back = member(document, "rolled_back");
    return list_in(rolled_back == nullptr ? document : *rolled_back, "checks");
}

RunFacts facts_of(const fs::path& folder) {
    return facts_of(folder, document_of(folder));
}

} // namespace oa_stream::run
