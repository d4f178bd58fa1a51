// A folder with access logs in it, and a source that is asked about them.
#pragma once

#include "packed.hpp"
#include "sources/access_log/access_log_source.hpp"
#include "temp_folder.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cmath>
#include <exception>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

namespace oa_stream::test {

/// 2026-11-20T10:00:00Z; times of lines are seconds after it.
inline constexpr double k_log_epoch = 1795168800;

inline WallTime log_time(double at_s) {
    return WallTime(std::chrono::milliseconds(std::llround((k_log_epoch + at_s) * 1000)));
}

struct LogLine {
    double began_s = 0;
    double end_ms = 100;
    std::string revision = "rev-a";
    int status = 200;
    std::string terminal = "completed"; ///< empty: no turn
    std::optional<double> first_content_ms{};
    std::string route = "/api/chat/stream";
    std::string method = "POST";
    bool empty = false;
    std::string id = "";
    std::string failure = "";
    std::string reader = "finished";
    std::optional<double> turn_ms{}; ///< lanes of earlier versions do not say it

    [[nodiscard]] std::string text() const {
        static int count = 0;
        const bool turn = !terminal.empty() && status == 200;
        std::string out = fmt::format(
            R"({{"ts":"{}","event":"request","request_id":"{}","route":"{}","method":"{}",)"
            R"("status":{},"lane":"compat","revision":"{}")",
            rfc3339_millis(log_time(began_s)),
            id.empty() ? fmt::format("req_{}", ++count) : id,
            route,
            method,
            status,
            revision
        );
        out += turn ? R"(,"accepted":true)" : "";
        out += first_content_ms ? fmt::format(R"(,"first_content_ms":{})", *first_content_ms) : "";
        out += fmt::format(R"(,"end_ms":{},"frames":3,"bytes":12)", end_ms);
        out += turn_ms ? fmt::format(R"(,"turn_ms":{})", *turn_ms) : "";
        out += turn ? fmt::format(R"(,"reader":"{}","terminal":"{}")", reader, terminal) : "";
        out += failure.empty() ? "" : fmt::format(R"(,"failure":"{}")", failure);
        out += empty ? R"(,"empty":true)" : "";
        return out + "}\n";
    }
};

class LogRig {
public:
    explicit LogRig(measure::AccessLogOptions options = {}) : options_(std::move(options)) {
        if (options_.paths.empty()) {
            options_.paths = {log()};
        } else {
            for (auto& path : options_.paths) {
                path = folder / path;
            }
        }
        options_.now = [this] { return log_time(now_s); };
    }

    [[nodiscard]] std::filesystem::path log(std::string_view suffix = "") const {
        return folder / fmt::format("access.log{}", suffix);
    }
    void write(const std::filesystem::path& path, std::string_view bytes) const {
        std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    }
    void append(std::string_view bytes, std::string_view suffix = "") const {
        std::ofstream(log(suffix), std::ios::binary | std::ios::app) << bytes;
    }
    void rename(std::string_view from, std::string_view to) const {
        std::filesystem::rename(log(from), log(to));
    }

    [[nodiscard]] Result<measure::SourceReading> try_ask(measure::Question question) {
        if (!source_) {
            auto made = measure::access_log_source(io_.get_executor(), options_);
            REQUIRE(made.has_value());
            source_ = std::move(*made);
        }
        std::optional<Result<measure::SourceReading>> out;
        asio::co_spawn(
            io_,
            source_->read(std::move(question)),
            [&](const std::exception_ptr& thrown, Result<measure::SourceReading> got) {
                REQUIRE(thrown == nullptr);
                out = std::move(got);
            }
        );
        io_.restart();
        turns = io_.run();
        REQUIRE(out.has_value());
        return *std::move(out);
    }
    /// Asks about [from, to), seconds after the epoch above.
    [[nodiscard]] measure::SourceReading
    ask(double from_s, double to_s, measure::Question question = {}) {
        question.window = {.from_s = k_log_epoch + from_s, .to_s = k_log_epoch + to_s};
        auto got = try_ask(std::move(question));
        REQUIRE(got.has_value());
        return *std::move(got);
    }

    TempFolder own{};
    std::filesystem::path folder = own.path;
    double now_s = 1000;
    std::size_t turns = 0; ///< of the event loop, for the last question

private:
    measure::AccessLogOptions options_;
    asio::io_context io_{1};
    std::unique_ptr<measure::Source> source_{};
};

} // namespace oa_stream::test
