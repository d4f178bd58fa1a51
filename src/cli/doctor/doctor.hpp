// Finds problems of this machine, with the exact command that fixes each.
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

/// Installs the Codex version that lanes were tested with.
inline constexpr std::string_view k_codex_install = "npm install -g @openai/codex@0.169.0";

/// A check whose Check::data["mend"] (an old name in JSON, see put_advice()) holds the fix; empty
/// when there is nothing to fix.
[[nodiscard]] Check finding(std::string id, Verdict verdict, std::string detail, const Advice& fix);

/// The kernel's values. Judging them is pure, so that tests are independent of their machine.
struct Machine {
    std::uint64_t files = 0; ///< hard limit of RLIMIT_NOFILE, to which the lane raises its own
    std::optional<bool> clock_synchronised{}; ///< nullopt: the kernel does not report it
    bool has_certificates = true;
    /// Free space where runs are kept; otherwise why it is unknown.
    std::expected<std::uint64_t, std::string> free_bytes{};
};
[[nodiscard]] Machine this_machine(const std::filesystem::path& state_dir);
[[nodiscard]] std::vector<Check> judge_machine(const Machine& machine);

/// Checks that the state directory exists, is writable, and is closed to all but us and its group.
/// Leaves no changes.
[[nodiscard]] Check judge_state_dir(const std::filesystem::path& state_dir);

/// Runs of this machine that died and left something to roll back.
[[nodiscard]] std::vector<Check> judge_runs(const std::filesystem::path& state_dir);

/// A program that some commands need: checks that it exists and runs, and reads its --version.
struct Tool {
    std::string_view name;
    std::string_view needed_for;
    std::string_view fix;
    /// One of these must be in the output of --version; empty: any output is accepted.
    std::span<const std::string_view> expected{};
};
/// `patience`: time limit for each program.
[[nodiscard]] std::vector<Check> judge_tools(Millis patience = Millis(5000));

/// All of the above: the checks of doctor without a playbook.
[[nodiscard]] std::vector<Check> judge_all(const Context& context);

/// Checks a playbook: that it is valid, its credentials exist, and its driver and target answer.
[[nodiscard]] Result<std::vector<Check>>
judge_playbook(const PlaybookChoice& choice, Context& context);

/// Checks the shared store: that a lane would accept it, and that it keeps its data.
[[nodiscard]] Result<std::vector<Check>>
judge_store(const store::StoreOptions& options, Context& context);

/// Checks Codex servers: that each accepts the token and answers as Codex, all with the same
/// version.
[[nodiscard]] Result<std::vector<Check>>
judge_codex_servers(const std::vector<authority::CodexServer>& servers, Context& context);

/// Checks a Codex worker: that the control service accepts the token, the worker runs, and Khala
/// opens its topic.
[[nodiscard]] Result<std::vector<Check>>
judge_worker(const authority::WorkerOptions& options, Context& context);

} // namespace oa_stream::cli
