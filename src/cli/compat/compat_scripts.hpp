// The retired scripts: their environment, their arguments, and the command each is now. One table,
// from which compat runs, its list is printed and docs/compat.md is made.
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
    std::string_view becomes;  ///< in the new world
};

/// One call of a script: what it was given. Readers are strict and name what they refuse.
class OldCall {
public:
    using Env = std::function<std::optional<std::string>(std::string_view)>;
    OldCall(std::vector<std::string> args, Env env)
        : args_(std::move(args)), env_(std::move(env)) {}

    [[nodiscard]] const std::vector<std::string>& args() const noexcept { return args_; }
    [[nodiscard]] bool given(std::string_view name) const { return env_(name).has_value(); }
    [[nodiscard]] std::string text(std::string_view name, std::string_view fallback = {}) const;
    /// Must be set: `what` says what for. Code::usage; of a token Code::credentials.
    [[nodiscard]] Result<std::string> needed(std::string_view name, std::string_view what) const;
    [[nodiscard]] Result<void> needs_token(std::string_view name, std::string_view what) const;
    /// 0 or 1 and nothing else: "true" once meant live.
    [[nodiscard]] Result<bool> flag(std::string_view name, bool fallback) const;
    /// Strict decimal: no sign, no leading zeros.
    [[nodiscard]] Result<std::uint64_t> number(
        std::string_view name, std::uint64_t low, std::uint64_t high, std::uint64_t fallback
    ) const;
    /// A percentage without its sign, "2.5".
    [[nodiscard]] Result<double> percent(std::string_view name, double fallback) const;
    /// The exact number of arguments, none of them empty.
    [[nodiscard]] Result<void> takes(std::size_t count, std::string_view usage) const;

private:
    std::vector<std::string> args_;
    Env env_;
};

/// A service of Cloud Run, as the scripts named it.
struct OldService {
    std::string project;
    std::string region;
    std::string service;
    /// Whether the name of a run's target is this service's, wherever the platform's API is.
    [[nodiscard]] bool is(std::string_view target) const;
};

struct Replacement {
    std::vector<std::string> words{}; ///< of the new command line, without "oa-stream"
    std::vector<std::string> notes{}; ///< what else has changed
    /// Its words are about the one run of this service that is not over, which is still to be
    /// named.
    std::optional<OldService> takes_back{};
};

struct RetiredScript {
    std::string_view name;
    std::string_view arguments; ///< as in its usage
    std::string_view now;       ///< for the page
    std::span<const OldVariable> env;
    /// Code::usage for what makes no sense and for what is no longer done that way, with the way it
    /// is done in the hint; nothing was started then.
    Result<Replacement> (*map)(const OldCall& call);
    std::string_view emits{}; ///< the middle of its summary.json's schema; empty: it wrote none
    bool steps = false; ///< its summary has steps, not checks
};

/// Those of emit_old_summary().
inline constexpr std::array<std::string_view, 2> k_old_files{"summary.json", "SUMMARY.md"};

/// summary.json and SUMMARY.md in `folder`, in the words of the script, from a run's folder: every
/// member that it had, null where a run knows no such thing. Checks that were skipped are left out
/// where the script knew none, and what is no PASS is "failed". Code::io, unreadable.
[[nodiscard]] Result<void> emit_old_summary(
    const RetiredScript& script,
    const OldCall& call,
    const std::filesystem::path& folder,
    const std::filesystem::path& evidence
);

[[nodiscard]] std::span<const RetiredScript> retired_scripts() noexcept;
/// By its name, with or without a folder before it; nullptr for any other.
[[nodiscard]] const RetiredScript* find_retired(std::string_view name) noexcept;

/// docs/compat.md.
[[nodiscard]] std::string compat_page();

} // namespace oa_stream::cli
