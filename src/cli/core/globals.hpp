// The options that every command has.
#pragma once

#include "oa_stream/base/option_names.hpp"

#include "option.hpp"

namespace oa_stream::cli {

struct GlobalOptions {
    enum class Colour { automatic, always, never };

    bool json = false;
    bool quiet = false;
    bool verbose = false;
    bool trace = false;
    Colour colour = Colour::automatic;
    std::optional<std::filesystem::path> state_dir{};
    std::string config{};
    std::optional<std::filesystem::path> junit{};
    std::optional<std::filesystem::path> tap{};
    bool github = false;
    bool open = false;
    bool non_interactive = false;

    [[nodiscard]] bool delivers() const noexcept { return junit || tap || github; }
};

inline constexpr std::array<std::string_view, 3> k_colour_words{"auto", "always", "never"};

inline constexpr auto k_json =
    flag<&GlobalOptions::json>("--json", "Print one JSON document on stdout.");
inline constexpr auto k_state_dir = option<&GlobalOptions::state_dir>(
    "--state-dir", "DIR", "Keep runs and locks in this folder (also OA_STREAM_STATE_DIR)."
);
inline constexpr auto k_config = option<&GlobalOptions::config>(
                                     "--config",
                                     "FILE",
                                     "Read this config file. Without it: "
                                     "$XDG_CONFIG_HOME/oa-stream/config.yaml."
)
                                     .typed();
inline constexpr auto k_junit = option<&GlobalOptions::junit>(
    "--junit", "FILE", "Also write the checks of the run as JUnit XML."
);
inline constexpr auto k_tap =
    option<&GlobalOptions::tap>("--tap", "FILE", "Also write the checks of the run as TAP.");
inline constexpr auto k_github = flag<&GlobalOptions::github>(
    "--github", "Also write a job summary and annotations for GitHub Actions."
);

inline constexpr auto k_open =
    flag<&GlobalOptions::open>("--open", "Open the run's report.html in a browser (xdg-open).")
        .typed();

inline constexpr auto k_global_options = options<GlobalOptions>(
    k_json,
    flag<&GlobalOptions::quiet>("-q,--quiet", "Print only the result, and nothing on PASS."),
    flag<&GlobalOptions::verbose>(
        "-v,--verbose", "Show each check, read-back and decision of a run as it is made."
    ),
    flag<&GlobalOptions::trace>(
        names::trace, "As --verbose, and each HTTP request with its times. Short: -vv."
    ),
    option<&GlobalOptions::colour>(
        "--color", k_colour_words, "Colour the output. The variable NO_COLOR turns auto off."
    )
        .or_else("auto"),
    k_state_dir,
    k_config,
    k_junit,
    k_tap,
    k_github,
    k_open,
    flag<&GlobalOptions::non_interactive>(
        "--non-interactive", "Never draw a live display and never ask, even on a terminal."
    )
);

} // namespace oa_stream::cli
