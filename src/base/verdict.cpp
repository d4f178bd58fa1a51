#include "oa_stream/base/verdict.hpp"

#include "oa_stream/base/enum_words.hpp"

#include <algorithm>
#include <array>
#include <ranges>

namespace oa_stream {

namespace {
constexpr std::array<std::string_view, 5> k_words{
    "PASS", "FAIL", "INCONCLUSIVE", "ERROR", "SKIPPED"
};
constexpr std::array k_best_first{
    Verdict::pass, Verdict::inconclusive, Verdict::error, Verdict::fail
};
} // namespace

std::string_view to_string(Verdict verdict) noexcept {
    return enum_word<Verdict::skipped>(k_words, verdict);
}

std::optional<Verdict> verdict_of(std::string_view word) noexcept {
    return enum_value<Verdict>(k_words, word);
}

std::optional<int> badness(std::string_view word) noexcept {
    const auto* const found = std::ranges::find(k_best_first, verdict_of(word));
    return found == k_best_first.end()
               ? std::nullopt
               : std::optional(static_cast<int>(found - k_best_first.begin()));
}

bool is_quiet(std::string_view word) noexcept {
    const auto verdict = verdict_of(word);
    return verdict == Verdict::pass || verdict == Verdict::skipped;
}

Verdict worst(std::span<const Verdict> parts) noexcept {
    const auto found = std::ranges::find_first_of(k_best_first | std::views::reverse, parts);
    return found == k_best_first.rend() ? Verdict::inconclusive : *found;
}

ExitCode exit_code(Verdict verdict) noexcept {
    switch (verdict) {
    case Verdict::pass:
        return ExitCode::ok;
    case Verdict::fail:
        return ExitCode::breach;
    case Verdict::inconclusive:
        return ExitCode::inconclusive;
    case Verdict::error:
        return ExitCode::not_executed;
    case Verdict::skipped:
        return ExitCode::inconclusive;
    }
    return ExitCode::not_executed;
}

ExitCode exit_code(Code code) noexcept {
    switch (code) {
    case Code::usage:
    case Code::config:
    case Code::unreadable:
        return ExitCode::usage;
    case Code::credentials:
        return ExitCode::credentials;
    case Code::precondition:
    case Code::conflict:
        return ExitCode::refused;
    case Code::cancelled:
        return ExitCode::interrupted;
    case Code::network:
    case Code::timeout:
    case Code::protocol:
    case Code::unavailable:
    case Code::not_found:
    case Code::too_large:
    case Code::io:
    case Code::internal:
        return ExitCode::not_executed;
    }
    return ExitCode::not_executed;
}

} // namespace oa_stream
