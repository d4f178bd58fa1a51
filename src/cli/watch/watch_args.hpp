// The options of watch.
#pragma once

#include "core/command.hpp"
#include "smoke/smoke_args.hpp"
#include "watch_sources.hpp"

#include <optional>
#include <string>
#include <vector>

namespace oa_stream::cli {

enum class WatchForm {
    screen, ///< a terminal
    lines, ///< one plain line per tick, without a terminal
    ndjson,
    once, ///< prints the lines of one screen, then ends
    document, ///< --json: prints one document, then ends
};

/// A token's reference and its first value.
struct NamedToken {
    std::string reference{};
    Secret first{};
};
/// As net::read_token().
[[nodiscard]] Result<NamedToken> read_named_token(std::string_view reference);

struct WatchAsked {
    std::vector<probe::Target> lanes{};
    std::optional<WatchedPrometheus> prometheus{};
    std::string revision{}; ///< show only its numbers; empty: those of all
    NamedToken token{}; ///< for lanes and Prometheus; a password cannot be renewed
    std::string front_admin{}; ///< socket of a front door; empty: no split is shown
    WatchTiming timing{};
    WatchLimits limits{};
    WatchForm form = WatchForm::lines;
    std::uint64_t answers = 1; ///< answers required of each source before the first look
    bool until_bad = false;
    std::optional<Millis> length{}; ///< the watch ends by itself after this time

    [[nodiscard]] bool one_look() const noexcept {
        return form == WatchForm::once || form == WatchForm::document;
    }
    /// URL of the first source.
    [[nodiscard]] const std::string& first_url() const {
        return prometheus ? prometheus->prometheus.url : lanes.front().base_url;
    }
};

/// The command line, before settings that depend on several options are computed.
struct WatchOptions : CertificateOptions {
    std::vector<std::string> base_urls{};
    std::optional<std::string> prometheus{};
    std::string matchers{};
    std::string revision{};
    std::uint64_t instances = 0;
    bool include_probes = false;
    NamedToken auth{};
    std::string user{};
    std::string ca{};
    std::vector<std::string> headers{};
    Millis every{};
    std::optional<Millis> window{};
    Millis budget_window{};
    measure::Fraction objective{};
    double bad_at_most = 0;
    Millis p95_at_most{};
    std::optional<Millis> stale_after{};
    std::optional<Millis> timeout{};
    std::string front_admin{};
    bool ndjson = false;
    bool once = false;
    std::optional<std::string> until{};
    bool fail_fast = false;
    std::optional<Millis> length{};
};
/// Code::usage.
[[nodiscard]] Result<WatchAsked>
complete_watch(const WatchOptions& options, const Context& context);

} // namespace oa_stream::cli
