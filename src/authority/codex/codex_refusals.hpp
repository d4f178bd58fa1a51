// Codex distinguishes its refusals only by text (-32600 for nearly all): one table of the texts.
#pragma once

#include "oa_stream/base/error.hpp"

#include <cstdint>
#include <string>

namespace oa_stream::authority {

/// An error reply to one of our requests.
struct Refusal {
    std::int64_t code = 0;
    std::string message{};
};

enum class RefusalKind {
    overloaded,       ///< -32001, or draining: nothing was done; retry later
    thread_not_loaded, ///< known or unknown; resume it first
    thread_unknown,   ///< no such thread on disk, or no thread id at all
    thread_empty,     ///< a thread without any turn yet
    thread_archived,  ///< must be unarchived before it is loaded
    thread_in_use,    ///< another process of codex has it open
    thread_shared,    ///< a fork needs its history
    turn_unknown,     ///< revert before an unknown turn
    turn_unended,     ///< fork through a turn whose end codex does not know
    no_active_turn,   ///< interrupt too early or too late
    bad_function,     ///< a client's function has parameters that codex cannot read
    bad_config,       ///< config.toml could not be loaded
    store_away,       ///< the disk of codex's home is full, read-only or failing
    other,
};

[[nodiscard]] RefusalKind kind_of(const Refusal& refusal) noexcept;

/// The error for callers. Its text is codex's own, cut and made printable.
[[nodiscard]] Error error_of(const Refusal& refusal, std::string_view method);

} // namespace oa_stream::authority
