// Options of the commands that carry out a playbook against a target.
#pragma once

#include "oa_stream/base/option_names.hpp"
#include "oa_stream/config/variables.hpp"
#include "oa_stream/playbook/local_rehearsal.hpp"
#include "oa_stream/playbook/target_run.hpp"

#include "core/command.hpp"
#include "smoke/smoke_args.hpp"

#include <optional>
#include <string_view>

namespace oa_stream::cli {

/// Variables of a playbook.
struct PlaybookVariables {
    config::Values set{};
};
[[nodiscard]] Result<void>
read_set(std::span<const std::string> values, PlaybookVariables& options);
inline constexpr auto k_set = custom<PlaybookVariables, read_set>(
                                  names::set, "NAME=VALUE", "Set a variable of the playbook.", true
)
                                  .offering(Offer::variables);

/// A playbook, by its name or file; empty: none.
struct PlaybookChoice : PlaybookVariables {
    std::string playbook{};
};
/// `kinds`: the kinds that a shell offers; 0: all.
constexpr auto playbook_word(std::string_view help, playbook::KindSet kinds = 0) {
    return positional<&PlaybookChoice::playbook>("PLAYBOOK", help)
        .offering(Offer::playbooks, kinds);
}

/// A value that an operator states, and the reason.
struct StatedBudget {
    std::optional<std::string> budget{};
    std::string reason{};

    /// Unset when none was stated. Code::usage.
    [[nodiscard]] Result<std::optional<playbook::Asserted>> asserted() const;
};
inline constexpr auto k_stated_budget = options<StatedBudget>(
    option<&StatedBudget::budget>(
        names::asserted_budget,
        "PERCENT",
        "State how much of the error budget is used, if the playbook accepts a statement. The "
        "report marks it as stated."
    )
        .typed(),
    option<&StatedBudget::reason>(
        names::reason, "TEXT", "Give the reason for the stated value. The report shows it."
    )
        .typed()
);

/// A run with its own lanes, and its parameters.
struct LocalChoice {
    bool local = false;
    playbook::LocalRehearsalOptions here{};
};
inline constexpr auto k_local = flag<&LocalChoice::local>(
    names::local, "Run on this machine: two lanes on recorded turns behind a front door."
);
inline constexpr std::int64_t k_shortest_bake = 100; // ms; a shorter bake cannot decide anything
inline constexpr auto k_bake = option<&LocalChoice::here, &playbook::LocalRehearsalOptions::bake>(
                                   "--bake", "D", "Run each stage for this long. With --local."
)
                                   .or_else_text("4s")
                                   .range(k_shortest_bake, k_longest_ms);

struct ProbeChoice {
    bool probes = true;
};
inline constexpr auto k_no_probes = off_flag<&ProbeChoice::probes>(
    names::no_probes, "Send only GET requests. Other checks are skipped, so the run cannot PASS."
);

/// How the target is reached, where the playbook omits it or is overridden.
struct AccessChoice {
    std::optional<std::string> auth{};
    std::optional<std::string> ca{};
    std::optional<std::string> cert{};
    std::optional<std::string> key{};
    std::vector<std::string> headers{};

    void change(playbook::Target& target) const;
};
inline constexpr auto k_run_access = options<AccessChoice>(
    option<&AccessChoice::auth>(
        names::auth,
        "REF",
        "Give the user's token: env:NAME, file:PATH, fd:N, command:PROGRAM or metadata:AUDIENCE. "
        "Without it the playbook names it, usually env:AUTH_TOKEN."
    ),
    option<&AccessChoice::ca>(names::ca, "FILE", k_ca_help),
    option<&AccessChoice::cert>(names::cert, "FILE", k_cert_help),
    option<&AccessChoice::key>(names::key, "FILE", k_key_help),
    option<&AccessChoice::headers>(names::header, "'NAME: VALUE'", k_header_help)
);

/// Options of a playbook's run against a real target.
struct TargetRunOptions : PlaybookChoice, StatedBudget, ProbeChoice, AccessChoice {};

/// Reads playbook, variables and stated values; connects to nothing. Code::usage without a
/// playbook, and for one of another kind before its variables are checked.
[[nodiscard]] Result<playbook::TargetRunInput>
target_run_input(const TargetRunOptions& options, playbook::KindSet kinds);

} // namespace oa_stream::cli
