#include "oa_stream/base/log.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/output.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>
#include <spdlog/formatter.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <string>
#include <utility>

namespace oa_stream {

namespace {

struct Level {
    std::string_view word;
    spdlog::level::level_enum spdlog;
};
constexpr std::array<Level, 4> k_levels{
    {{"debug", spdlog::level::debug},
     {"info", spdlog::level::info},
     {"warn", spdlog::level::warn},
     {"error", spdlog::level::err}}
};

const Level& row(LogLevel level) noexcept {
    return k_levels[static_cast<std::size_t>(level)];
}

std::string_view word_of(spdlog::level::level_enum level) noexcept {
    const auto* found = std::ranges::find(k_levels, level, &Level::spdlog);
    return found == k_levels.end() ? "error" : found->word;
}

/// Puts time and level before the members of an event, which the payload holds as `"event":…}`.
class EventFormatter final : public spdlog::formatter {
public:
    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& into) override {
        fmt::format_to(
            std::back_inserter(into),
            R"({{"ts":"{}","level":"{}",{})"
            "\n",
            rfc3339_millis(message.time),
            word_of(message.level),
            std::string_view(message.payload.data(), message.payload.size())
        );
    }
    [[nodiscard]] std::unique_ptr<formatter> clone() const override {
        return std::make_unique<EventFormatter>();
    }
};

class VerbatimFormatter final : public spdlog::formatter {
public:
    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& into) override {
        into.append(message.payload.begin(), message.payload.end());
    }
    [[nodiscard]] std::unique_ptr<formatter> clone() const override {
        return std::make_unique<VerbatimFormatter>();
    }
};

class WriterSink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    explicit WriterSink(Log::Writer writer) : writer_(std::move(writer)) {}

protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        writer_({line.data(), line.size()});
    }
    void flush_() override {} // nothing is held back

private:
    Log::Writer writer_;
};

spdlog::logger make_logger(
    const std::string& name, const Log::Writer& writer, std::unique_ptr<spdlog::formatter> form
) {
    spdlog::logger logger(name, std::make_shared<WriterSink>(writer));
    logger.set_formatter(std::move(form));
    logger.set_level(spdlog::level::info);
    logger.flush_on(spdlog::level::warn);
    logger.set_error_handler([](const std::string& why) { // spdlog's own throws on a lost stderr
        write_diagnostic("oa-stream: a log line is lost: ");
        write_diagnostic(why);
        write_diagnostic("\n");
    });
    return logger;
}

/// spdlog catches what its sinks throw; what else may throw here is the want of memory.
template <class Action> void never_throwing(const Action& action) noexcept {
    try {
        action();
    } catch (const std::exception&) {
        write_diagnostic("oa-stream: a log line is lost\n");
    }
}

} // namespace

std::string_view to_string(LogLevel level) noexcept {
    return row(level).word;
}

Result<LogLevel> parse_log_level(std::string_view text) {
    const auto* found = std::ranges::find(k_levels, trim(text), &Level::word);
    if (found != k_levels.end()) {
        return static_cast<LogLevel>(found - k_levels.begin());
    }
    return fail(
        Code::config,
        fmt::format("no log level '{}'", printable(trim(text), 40)),
        {},
        "debug, info, warn or error"
    );
}

struct Log::Loggers {
    explicit Loggers(const Writer& writer)
        : events(make_logger("events", writer, std::make_unique<EventFormatter>())),
          lines(make_logger("lines", writer, std::make_unique<VerbatimFormatter>())) {}

    spdlog::logger events, lines;
};

Log::Log(const Writer& writer) : loggers_(std::make_unique<Loggers>(writer)) {
}

Log::~Log() = default;

void Log::set_level(LogLevel least) noexcept {
    loggers_->events.set_level(row(least).spdlog);
}

void Log::event(LogLevel level, std::string_view event, const Json& fields) noexcept {
    if (!loggers_->events.should_log(row(level).spdlog)) {
        return;
    }
    never_throwing([&] {
        Json members{{"event", event}};
        members.update(fields);
        loggers_->events.log(row(level).spdlog, std::string_view(dump_json(members)).substr(1));
    });
}

void Log::note(LogLevel level, std::string_view event, std::string_view text) noexcept {
    never_throwing([&] { this->event(level, event, Json{{"text", text}}); });
}

void Log::verbatim(std::string_view text) noexcept {
    never_throwing([&] { loggers_->lines.log(spdlog::level::critical, text); });
}

Log& process_log() {
    static Log log(write_diagnostic);
    return log;
}

} // namespace oa_stream
