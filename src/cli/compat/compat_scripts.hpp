// The retired scripts: their environment, their arguments, and the commands that replace them.
// compat runs from this table, and its list and docs/compat.md are generated from it.
#pragma once

#include "oa_stream/base/error.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::cli {

struct OldVariable {
    std::string_view name;
    std::string_view fallback; ///< the script's own default, for the page; "" for none
    std::string_view becomes; ///< the replacement
};

/// The environment and arguments of one call of a script. Readers are strict and name what they
/// refuse.
class OldCall {
public:
    using Env = std::function<std::optional<std::string>(std::string_view)>;
    OldCall(std::vector<std::string> args, Env env)
        : args_(std::move(args)), env_(std::move(env)) {}

    [[nodiscard]] const std::vector<std::string>& args() const noexcept { return args_; }
    [[nodiscard]] bool given(std::string_view name) const { return env_(name).has_value(); }
    [[nodiscard]] std::string text(std::string_view name, std::string_view fallback = {}) const;
    /// Requires the variable; `what` describes its purpose. Code::usage; for a token
    /// Code::credentials.
    [[nodiscard]] Result<std::string> needed(std::string_view name, std::string_view what) const;
    [[nodiscard]] Result<void> needs_token(std::string_view name, std::string_view what) const;
    /// 0 or 1 only, because "true" once meant live.
    [[nodiscard]] Result<bool> flag(std::string_view name, bool fallback) const;
    /// Strict decimal: no sign, no leading zeros.
    [[nodiscard]] Result<std::uint64_t> number(
        std::string_view name, std::uint64_t low, std::uint64_t high, std::uint64_t fallback
    ) const;
    /// A percentage without its sign, "2.5".
    [[nodiscard]] Result<double> percent(std::string_view name, double fallback) const;
    /// Requires exactly this number of non-empty arguments.
    [[nodiscard]] Result<void> takes(std::size_t count, std::string_view usage) const;

private:
    std::vector<std::string> args_;
    Env env_;
};

/// A Cloud Run service, as named by the scripts.
struct OldService {
    std::string project;
    std::string region;
    std::string service;
    /// Whether a run's target is this service, whatever the address of the platform's API.
    [[nodiscard]] bool is(std::string_view target) const;
};

struct Replacement {
    std::vector<std::string> words{}; ///< the new command line, without "oa-stream"
    std::vector<std::string> notes{}; ///< other changes
    /// The command concerns the only unfinished run of this service; its name must still be added.
    std::optional<OldService> takes_back{};
};

struct RetiredScript {
    std::string_view name;
    std::string_view arguments; ///< as in its usage
    std::string_view now; ///< for the page
    std::span<const OldVariable> env;
    /// Code::usage for invalid input and for what is no longer supported, with the replacement in
    /// the hint; nothing was started then.
    Result<Replacement> (*map)(const OldCall& call);
    std::string_view emits{}; ///< middle part of its summary.json's schema; empty: it wrote none
    bool steps = false; ///< its summary has steps, not checks
};

/// The files of emit_old_summary().
inline constexpr std::array<std::string_view, 2> k_old_files{"summary.json", "SUMMARY.md"};

/// Writes summary.json and SUMMARY.md to `folder` in the script's format, from a run's folder: all
/// members that the script had, null where a run has no such value. Skipped checks are left out if
/// the script had none, and anything but a PASS is "failed". Code::io, unreadable.
[[nodiscard]] Result<void> emit_old_summary(
    const RetiredScript& script,
    const OldCall& call,
    const std::filesystem::path& folder,
    const std::filesystem::path& evidence
);

[[nodiscard]] std::span<const RetiredScript> retired_scripts() noexcept;
/// Finds a script by name, with or without a folder; nullptr for any other name.
[[nodiscard]] const RetiredScript* find_retired(std::string_view name) noexcept;

/// docs/compat.md.
[[nodiscard]] std::string compat_page();

} // namespace oa_stream::cli
