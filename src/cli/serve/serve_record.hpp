// Which turns serve records, and which recorded turns it plays.
#pragma once

#include "oa_stream/authority/replay.hpp"
#include "oa_stream/base/option_names.hpp"

#include "core/option.hpp"
#include "serve_options.hpp"

namespace oa_stream::cli {

/// "10%": above 0, at most 100 %.
[[nodiscard]] Result<double> read_record_share(std::string_view text);
/// "256m": total size of captures; at least 1 MiB.
[[nodiscard]] Result<std::uint64_t> read_record_size(std::string_view text);

inline constexpr auto k_record = option<
    &ServeOptions::authority,
    &authority::AuthorityOptions::codex,
    &authority::CodexOptions::record,
    &authority::RecordRules::directory>(
    "--record",
    "DIR",
    "Record turns in this folder, without secrets, for --authority replay. Recordings contain "
    "prompts and answers."
);
inline constexpr auto k_record_share =
    parsed<
        read_record_share,
        &ServeOptions::authority,
        &authority::AuthorityOptions::codex,
        &authority::CodexOptions::record,
        &authority::RecordRules::share>(
        "--record-share", "PERCENT", "Keep only this share of the turns, evenly spread."
    )
        .or_else("100%");
inline constexpr auto k_record_size =
    parsed<
        read_record_size,
        &ServeOptions::authority,
        &authority::AuthorityOptions::codex,
        &authority::CodexOptions::record,
        &authority::RecordRules::most_bytes>(
        "--record-size", "SIZE", "Remove the oldest recordings above this total size: 256m, 2GB."
    )
        .or_else("256m");
inline constexpr auto k_record_options = options<ServeOptions>(
    k_record,
    k_record_share,
    k_record_size,
    option<
        &ServeOptions::authority,
        &authority::AuthorityOptions::replay,
        &authority::ReplayOptions::directory>(
        names::replay,
        "DIR",
        "Play the recorded turns (*.jsonl) of this folder. Without it: a built-in set."
    ),
    parsed<
        authority::Pace::parse,
        &ServeOptions::authority,
        &authority::AuthorityOptions::replay,
        &authority::ReplayOptions::pace>(
        "--pace", "recorded|immediate|xN", "Play recorded turns at this speed."
    )
        .suggesting(authority::pace_words)
        .or_else("recorded")
);

/// Code::usage when this authority's turns cannot be recorded.
[[nodiscard]] Result<void> check_record(const ServeOptions& options);

} // namespace oa_stream::cli
