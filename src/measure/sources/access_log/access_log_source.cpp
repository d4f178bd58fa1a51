#include "access_log_source.hpp"

#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/telemetry/metrics.hpp"

#include "access_log_follow.hpp"
#include "access_log_stdin.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <ranges>

namespace oa_stream::measure {
namespace {

constexpr std::size_t k_most_logs = 64;
constexpr std::size_t k_shortest_line = 1024;
constexpr std::size_t k_fewest_requests = 100;
constexpr double k_clocks_apart_s = 5; ///< tolerated between machines with synchronized clocks

/// "1 line is of …", "2 lines are of …"
std::string lines_are(std::uint64_t n, std::string_view what) {
    return fmt::format("{} {} {}", counted(n, "line"), n == 1 ? "is" : "are", what);
}

/// The same for two names of one file. A file that does not exist yet is identified by its name.
std::string file_id(const std::filesystem::path& path) {
    struct stat info{};
    if (path == "-" || ::stat(path.c_str(), &info) != 0) {
        return path.string();
    }
    return fmt::format("file {} {}", info.st_dev, info.st_ino);
}

Result<void> check_options(const AccessLogOptions& options) {
    const auto refuse = [](std::string why) {
        return fail(Code::usage, std::move(why), "access log");
    };
    if (options.paths.empty() || options.paths.size() > k_most_logs) {
        return refuse(fmt::format("between one and {} files", k_most_logs));
    }
    std::map<std::string, std::string> apart;
    for (const auto& path : options.paths) {
        const auto [first, fresh] = apart.try_emplace(file_id(path), path.string());
        if (!fresh) {
            return refuse(
                first->second == path.string()
                    ? "a file is named twice"
                    : fmt::format("{} and {} are one file", first->second, path.string())
            );
        }
    }
    if (apart.contains("-") && apart.size() > 1) {
        return refuse("standard input cannot be combined with files");
    }
    if (options.line_bytes < k_shortest_line || options.requests_kept < k_fewest_requests ||
        !(options.stale_after_s > 0) || !(options.keep_s > 0)) {
        return refuse("limits that are too small");
    }
    return {};
}

std::string query_text(const Question& question, bool probes) {
    return fmt::format(
        "POST lines of {}{}{}, written in [{}, {}), bad: {}",
        fmt::join(telemetry::route_is(question.routes).values, ", "),
        question.revision.empty() ? "" : fmt::format(" by revision {}", question.revision),
        probes ? ", of users and probes" : "",
        rfc3339_millis(wall_time(question.window.from_s)),
        rfc3339_millis(wall_time(question.window.to_s)),
        question.slower_than_s ? fmt::format("first content after {} s", *question.slower_than_s)
                               : telemetry::bad_text(question.bad)
    );
}

class AccessLogSource final : public Source {
public:
    explicit AccessLogSource(AccessLogOptions options)
        : options_(std::move(options)), index_({
                                            .silence_s = options_.stale_after_s,
                                            .requests_kept = options_.requests_kept,
                                            .keep_s = options_.keep_s,
                                        }) {}

    [[nodiscard]] Result<void> open(const asio::any_io_executor& executor);
    [[nodiscard]] std::string_view name() const noexcept override { return "access log"; }
    [[nodiscard]] Task<Result<SourceReading>> read(Question question) override;

private:
    [[nodiscard]] double now() const {
        return unix_seconds(options_.now ? options_.now() : std::chrono::system_clock::now());
    }
    /// A reason, and the file concerned; empty when it concerns all files.
    struct Reason {
        std::string why{};
        std::string file{};
    };
    /// Number of logs as the index counts them; a pipe is its only log.
    [[nodiscard]] std::size_t log_count() const noexcept { return pipe_ ? 1 : logs_.size(); }
    [[nodiscard]] std::optional<std::size_t> copy_of(std::size_t log) const {
        return pipe_ ? std::nullopt : logs_[log]->same_as();
    }
    [[nodiscard]] std::string name_of(std::size_t log) const {
        return options_.paths[log] == "-" ? "standard input" : options_.paths[log].string();
    }
    [[nodiscard]] LogLineCounts counts() const;
    [[nodiscard]] std::string why_empty() const;
    /// Names a file that may hold lines of the window and could not be read.
    [[nodiscard]] Reason why_unread(const Question& question) const;
    [[nodiscard]] Reason why_uncovered(const Question& question) const;
    /// Path of the first log for which `has` holds; empty: none.
    template <class Has> [[nodiscard]] std::string first_with(Has has) const {
        const auto found = std::ranges::find_if(logs_, [&](const auto& log) { return has(*log); });
        return found == logs_.end() ? std::string() : (*found)->path().string();
    }
    [[nodiscard]] double
    uncovered_requests(const Question& question, const SourceReading& reading) const;
    /// Adds incomplete lines: each may have been a request of the window.
    void add_torn(const Span& window, double now_s, SourceReading& reading) const;
    /// Adds requests that may be missing from logs whose earlier file may be gone, if no log has a
    /// gap.
    void add_beginnings(const Question& question, SourceReading& reading) const;
    void add_notes(SourceReading& reading) const;

    AccessLogOptions options_;
    AccessLogIndex index_;
    LogOwners owners_{};
    std::vector<std::unique_ptr<AccessLogFollower>> logs_{};
    std::unique_ptr<AccessLogPipe> pipe_{};
};

Result<void> AccessLogSource::open(const asio::any_io_executor& executor) {
    const LogStreamLimits limits{
        .line_bytes = options_.line_bytes,
        .silence_s = options_.stale_after_s,
        .probes = options_.include_probes
    };
    struct stat input{};
    const bool standard_input = options_.paths.front() == "-";
    const bool redirected = ::fstat(STDIN_FILENO, &input) == 0 && S_ISREG(input.st_mode);
    if (standard_input && !redirected) {
        OA_TRY(pipe_, AccessLogPipe::open(executor, STDIN_FILENO, limits));
        return {};
    }
    for (std::size_t i = 0; i < options_.paths.size(); ++i) {
        FollowOptions follow{
            .path = standard_input ? "/proc/self/fd/0" : options_.paths[i],
            .rotated = options_.rotated && !standard_input,
            .unpacked_bytes = options_.unpacked_bytes,
            .stream = limits,
        };
        logs_.push_back(std::make_unique<AccessLogFollower>(i, std::move(follow), index_, owners_));
    }
    return {};
}

LogLineCounts AccessLogSource::counts() const {
    LogLineCounts all;
    const auto add = [&](const LogLineCounts& one) {
        all.probes += one.probes;
        all.damaged += one.damaged;
        all.foreign += one.foreign;
        all.ahead += one.ahead;
        all.ahead_most_s = std::max(all.ahead_most_s, one.ahead_most_s);
    };
    std::ranges::for_each(logs_, [&](const auto& log) { add(log->counts()); });
    if (pipe_) {
        add(pipe_->counts());
    }
    return all;
}

std::string AccessLogSource::why_empty() const {
    const LogLineCounts lines = counts();
    if (lines.ahead > 0) {
        return lines_are(lines.ahead, "of a time to come: a clock is wrong");
    }
    const std::uint64_t others = lines.damaged + lines.foreign;
    if (others == 0) {
        return "no line was written yet";
    }
    std::string out = others == 1
                          ? "its only line is not an access line of a lane"
                          : fmt::format("none of its {} lines is a lane's access line", others);
    if (lines.damaged > 0) {
        out += fmt::format(
            "; {} parts of one: give the file that the lane wrote, without what another program "
            "puts before or around its lines",
            lines.damaged == 1 ? "one has" : fmt::format("{} have", lines.damaged)
        );
    }
    return out;
}

AccessLogSource::Reason AccessLogSource::why_unread(const Question& question) const {
    for (const auto& log : logs_) {
        for (const auto& [file, trouble] : log->troubles()) {
            if (trouble.changed_s >= question.window.from_s) {
                return {
                    fmt::format("{}: {}; the rest of its window is unknown", file, trouble.why),
                    file
                };
            }
        }
    }
    return {};
}

void AccessLogSource::add_torn(const Span& window, double now_s, SourceReading& reading) const {
    std::vector<Span> torn;
    for (const auto& log : logs_) {
        std::ranges::move(log->torn(now_s), std::back_inserter(torn));
    }
    if (const auto last = pipe_ ? pipe_->torn(now_s) : std::nullopt) {
        torn.push_back(*last);
    }
    const auto in_window = std::ranges::count_if(torn, [&](const Span& written) {
        return written.to_s >= window.from_s && written.from_s < window.to_s;
    });
    if (in_window > 0) {
        reading.unread += static_cast<double>(in_window);
        reading.notes.push_back(
            counted(static_cast<std::uint64_t>(in_window), "last line") +
            " without an end, which may have been a request"
        );
    }
}

void AccessLogSource::add_beginnings(const Question& question, SourceReading& reading) const {
    for (std::size_t i = 0; i < logs_.size(); ++i) {
        const double missed = logs_[i]->same_as() ? 0 : index_.missed_before(i, question);
        if (missed > 0) {
            reading.at_fault = logs_[i]->path().string();
            reading.unread += missed;
            reading.notes.push_back(fmt::format(
                "{} begins within the window: it may have had {:.0f} requests before",
                reading.at_fault,
                missed
            ));
        }
    }
}

void AccessLogSource::add_notes(SourceReading& reading) const {
    const LogLineCounts lines = counts();
    if (lines.foreign > 0) {
        reading.notes.push_back(lines_are(lines.foreign, "not of a lane") + " and left out");
    }
    if (lines.ahead > 0) {
        reading.notes.push_back(lines_are(lines.ahead, "of a time to come") + " and left out");
    }
    for (const auto& log : logs_) {
        for (const auto& [file, trouble] : log->troubles()) {
            reading.notes.push_back(fmt::format("{}: {}", file, trouble.why));
        }
        if (const auto other = log->same_as()) {
            reading.notes.push_back(fmt::format(
                "{} holds lines of {}: they count once",
                log->path().string(),
                logs_[*other]->path().string()
            ));
        }
    }
    if (index_.doubled() > 0) {
        reading.notes.push_back(
            counted(index_.doubled(), "line") + " repeated an earlier one and did not count again"
        );
    }
    if (!reading.uncovered.empty()) {
        reading.notes.push_back(reading.uncovered);
    }
}

/// Every named log belongs to a replica, so each must cover the whole window.
AccessLogSource::Reason AccessLogSource::why_uncovered(const Question& question) const {
    if (const LogLineCounts lines = counts(); lines.ahead_most_s > k_clocks_apart_s) {
        return {
            fmt::format(
                "lines are up to {:.0f} s ahead of this machine's clock: which of them belong to "
                "the window is unknown",
                lines.ahead_most_s
            ),
            first_with([&](const AccessLogFollower& log) {
                return log.counts().ahead_most_s >= lines.ahead_most_s;
            })
        };
    }
    for (std::size_t i = 0; i < log_count(); ++i) {
        const std::string gap = index_.gap_of(copy_of(i).value_or(i), question);
        if (!gap.empty()) {
            const std::string name = name_of(i);
            return {
                fmt::format("{} {}: what its lane did then is not in these numbers", name, gap),
                name
            };
        }
    }
    return {};
}

/// Estimates the requests in the parts that a replica does not cover, at the mean rate of all
/// replicas.
double
AccessLogSource::uncovered_requests(const Question& question, const SourceReading& reading) const {
    double reported_s = 0;
    double gaps_s = counts().ahead_most_s > k_clocks_apart_s ? counts().ahead_most_s : 0;
    for (std::size_t i = 0; i < log_count(); ++i) {
        const auto covered_s = index_.covered_by(i, question);
        if (!covered_s || copy_of(i)) {
            continue;
        }
        reported_s += *covered_s;
        if (!index_.gap_of(i, question).empty()) {
            gaps_s += std::max(0.0, reading.covered_s - *covered_s);
        }
    }
    const auto total = static_cast<double>(reading.tally.requests.total);
    return reported_s > 0 ? std::ceil(total * gaps_s / reported_s) : 0;
}

Task<Result<SourceReading>> AccessLogSource::read(Question question) {
    const double at = now();
    if (pipe_) {
        OA_CO_CHECK(co_await pipe_->catch_up(!options_.follow, at, index_));
    }
    for (const auto& log : logs_) {
        OA_CO_CHECK(co_await log->catch_up(question.window.from_s, at));
    }
    SourceReading reading;
    if (Reason unread = why_unread(question); !unread.why.empty()) {
        reading.why = std::move(unread.why);
        reading.at_fault = std::move(unread.file);
    } else if (index_.empty()) {
        reading.why = why_empty();
    } else {
        reading = index_.answer(question);
        if (reading.state == SourceReading::State::measured) {
            add_torn(question.window, at, reading);
        }
        const Reason gap = why_uncovered(question);
        if (gap.why.empty() && reading.state == SourceReading::State::measured) {
            add_beginnings(question, reading);
        }
        if (!gap.why.empty()) {
            reading.uncovered += (reading.uncovered.empty() ? "" : "; ") + gap.why;
            reading.at_fault = gap.file;
            reading.uncovered_requests += uncovered_requests(question, reading);
        } else if (reading.unread > 0 && reading.at_fault.empty()) {
            reading.at_fault = first_with([&](const AccessLogFollower& log) {
                return log.counts().damaged > 0 || !log.torn(at).empty();
            });
        }
    }
    reading.source = fmt::format(
        "access log {}",
        fmt::join(
            options_.paths | std::views::transform([](const auto& path) { return path.string(); }),
            ", "
        )
    );
    reading.query = query_text(question, options_.include_probes);
    // When no request in the log is marked as a probe's, the server may not support the mark.
    reading.counts_probes = options_.include_probes || counts().probes == 0;
    add_notes(reading);
    co_return reading;
}

} // namespace

Result<std::unique_ptr<Source>>
access_log_source(const asio::any_io_executor& executor, AccessLogOptions options) {
    OA_CHECK(check_options(options));
    auto source = std::make_unique<AccessLogSource>(std::move(options));
    OA_CHECK(source->open(executor));
    return std::unique_ptr<Source>(std::move(source));
}

} // namespace oa_stream::measure
