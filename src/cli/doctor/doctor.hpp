// The possible problems of this machine, and the exact command that fixes each.
#pragma once

#include "oa_stream/authority/codex.hpp"
#include "oa_stream/authority/worker.hpp"
#include "oa_stream/base/check.hpp"
#include "oa_stream/base/clock.hpp"
#include "oa_stream/store/address.hpp"

#include "core/command.hpp"
#include "cutover/run_args.hpp"

#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::cli {

/// How to get the Codex that lanes were tested with.
inline constexpr std::string_view k_codex_install = "npm install -g @openai/codex@0.169.0";

/// A check whose Check::data["mend"] (an old name in JSON, see put_advice()) says how to fix it;
/// empty when there is nothing to fix.
[[nodiscard]] Check finding(std::string id, Verdict verdict, std::string detail, const Advice& fix);

/// What the kernel reported; the judging is pure, so that a test can be on any machine.
struct Machine {
    std::uint64_t files = 0; ///< the hard limit of RLIMIT_NOFILE: the lane raises its own to it
    std::optional<bool> clock_synchronised{}; ///< nullopt: the kernel does not say
    bool has_certificates = true;
    /// Where runs are kept; else why the kernel does not say.
    std::expected<std::uint64_t, std::string> free_bytes{};
};
[[nodiscard]] Machine this_machine(const std::filesystem::path& state_dir);
[[nodiscard]] std::vector<Check> judge_machine(const Machine& machine);

/// The state directory: is it there, writable, and closed to all but us and its group? Changes
/// nothing that stays.
[[nodiscard]] Check judge_state_dir(const std::filesystem::path& state_dir);

/// Runs of this machine that died and left something to take back.
[[nodiscard]] std::vector<Check> judge_runs(const std::filesystem::path& state_dir);

/// A program that some commands need: is it there, does it run, and what does its --version say?
struct Tool {
    std::string_view name;
    std::string_view needed_for;
    std::string_view fix;
    /// One must stand in what --version says; empty: anything does.
    std::span<const std::string_view> expected{};
};
/// Each gets so long to answer.
[[nodiscard]] std::vector<Check> judge_tools(Millis patience = Millis(5000));

/// All of the above: what doctor finds without a playbook.
[[nodiscard]] std::vector<Check> judge_all(const Context& context);

/// A playbook: is it valid, are its credentials there, does its driver answer, does its target?
[[nodiscard]] Result<std::vector<Check>>
judge_playbook(const PlaybookChoice& choice, Context& context);

/// The store that lanes share: would a lane take it, and does it keep what it is given?
[[nodiscard]] Result<std::vector<Check>>
judge_store(const store::StoreOptions& options, Context& context);

/// Codex servers: does each take the token and answer as Codex, and all with the same version?
[[nodiscard]] Result<std::vector<Check>>
judge_codex_servers(const std::vector<authority::CodexServer>& servers, Context& context);

/// A Codex worker: does the control service take the token, does the worker run, does Khala open
/// its topic?
[[nodiscard]] Result<std::vector<Check>>
judge_worker(const authority::WorkerOptions& options, Context& context);

} // namespace oa_stream::cli
