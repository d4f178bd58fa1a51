// --ndjson: prints a run's events to stdout as they happen.
#pragma once

#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/task.hpp"

#include "core/command.hpp"

#include <filesystem>
#include <memory>

namespace oa_stream::cli {

struct LiveOptions {
    bool ndjson = false;
};

/// Code::usage together with --json.
[[nodiscard]] Result<void> check_live(const LiveOptions& live, const Context& context);

inline constexpr auto k_live = options<LiveOptions>(flag<&LiveOptions::ndjson>(
    names::ndjson,
    "Print each event as one JSON line while it happens, and the result as the last line."
));

/// Prints the lines of a run's timeline.ndjson (already redacted) as they are written. Runs on the
/// run's loop, which never waits for standard output.
class LiveEvents {
public:
    explicit LiveEvents(Context& context);
    LiveEvents(const LiveEvents&) = delete;
    LiveEvents& operator=(const LiveEvents&) = delete;
    ~LiveEvents();

    /// Starts, once the run's folder exists.
    void follow(const asio::any_io_executor& executor, std::filesystem::path folder);
    /// Prints the rest, however long standard output takes; call after the run.
    void end();

private:
    struct Tail;
    Context& context_;
    std::shared_ptr<Tail> tail_{};
};

} // namespace oa_stream::cli
