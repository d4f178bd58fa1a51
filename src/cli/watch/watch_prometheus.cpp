#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"

#include "watch_sources.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace oa_stream::cli {

namespace {

constexpr std::size_t k_most_named = 3;

std::string trouble(const Error& error, Millis patience) {
    switch (error.code) {
    case Code::not_found:
        return error.message;
    case Code::timeout:
        return fmt::format(
            "unreachable: {} (at most {}, {})",
            printable(error.message, 80),
            format_duration(patience),
            names::timeout
        );
    case Code::network:
        return "unreachable: " + error.message;
    default:
        return "unreadable: " + printable(error.text(), 80);
    }
}

/// "1 target is down: a:80; 2 targets are not ready: b:80, c:80"
std::string state_of(const measure::ScrapedLanes& lanes) {
    std::vector<std::string> out;
    const auto add = [&out](const std::vector<std::string>& targets, std::string_view how) {
        if (!targets.empty()) {
            out.push_back(fmt::format(
                "{} {} {}: {}",
                counted(targets.size(), "target"),
                targets.size() == 1 ? "is" : "are",
                how,
                fmt::join(targets, ", ")
            ));
        }
    };
    add(lanes.down, "down");
    add(lanes.unready, "not ready");
    return out.empty() ? "answers" : fmt::format("{}", fmt::join(out, "; "));
}

class Prometheus final : public WatchedSource {
public:
    Prometheus(net::HttpClient& client, WatchedPrometheus options, const WatchTiming& timing)
        : client_(client), options_(std::move(options)), timing_(timing) {
        options_.prometheus.timeout = options_.prometheus.deadline = timing_.patience;
    }

    [[nodiscard]] Task<void> ask() override {
        auto read = co_await measure::scraped_lanes(
            &client_, options_.prometheus, seconds(timing_.window), seconds(options_.budget_window)
        );
        reachable_ = read.has_value();
        refused_ = !read && read.error().code == Code::credentials;
        if (read) {
            lanes_ = *std::move(read);
            lanes_->all.budget_window = format_duration(options_.budget_window);
            read_at_s_ = now_s();
            state_ = state_of(*lanes_);
        } else {
            const Code code = read.error().code;
            answered_ = code != Code::network && code != Code::timeout;
            state_ = trouble(read.error(), timing_.patience);
        }
        ++asked;
    }

    [[nodiscard]] WatchSource state() const override {
        WatchSource out;
        out.name = options_.prometheus.url;
        out.state = state_;
        out.reachable = reachable_;
        out.answered = reachable_ || answered_;
        out.refused = refused_;
        if (lanes_) {
            out.ready = lanes_->down.empty() && lanes_->unready.empty();
            out.revision = lanes_->revisions;
            out.never_seen = lanes_->never_seen;
            out.age_s = lanes_->age_s + now_s() - read_at_s_;
            out.unsure = unsure(*lanes_);
        }
        return out;
    }

    [[nodiscard]] std::vector<measure::LanePart> parts() const override {
        return lanes_ ? lanes_->parts : std::vector<measure::LanePart>{};
    }
    [[nodiscard]] measure::LaneNumbers together() const override {
        return lanes_ ? lanes_->all : measure::LaneNumbers{};
    }

private:
    [[nodiscard]] std::string unsure(const measure::ScrapedLanes& lanes) const {
        std::vector<std::string> why;
        if (!lanes.mixed.empty()) {
            why.push_back(fmt::format(
                "several processes answer at {} in turn: scrape each by itself",
                fmt::join(lanes.mixed, ", ")
            ));
        }
        if (!lanes.doubled.empty()) {
            why.push_back(lanes.doubled);
        }
        if (!lanes.unseen.empty()) {
            why.push_back(fmt::format(
                "what {} counted at the window's beginning is unknown: not scraped then",
                first_of(lanes.unseen, k_most_named, ", ")
            ));
        }
        if (!lanes.not_numbers.empty()) {
            why.push_back(fmt::format(
                "values of {} are not numbers and count as nothing",
                fmt::join(lanes.not_numbers, ", ")
            ));
        }
        if (!lanes.unseparated.empty()) {
            why.push_back(fmt::format(
                "the counters of {} do not distinguish the revisions that ran there in the window",
                fmt::join(lanes.unseparated, ", ")
            ));
        }
        const auto up = static_cast<std::size_t>(std::ranges::count_if(
            lanes.parts,
            [](const measure::LanePart& part) {
                return part.state != "down" && part.state != measure::k_ended;
            }
        ));
        if (up < timing_.instances) {
            why.push_back(fmt::format("{} of {} instances are scraped", up, timing_.instances));
        }
        return fmt::format("{}", fmt::join(why, "; "));
    }

    net::HttpClient& client_;
    WatchedPrometheus options_;
    WatchTiming timing_;
    std::optional<measure::ScrapedLanes> lanes_{}; ///< from the last good answer
    std::string state_ = "not asked yet";
    double read_at_s_ = 0;
    bool reachable_ = false;
    bool answered_ = false; ///< the answer was an error
    bool refused_ = false;
};

} // namespace

std::unique_ptr<WatchedSource>
watched_prometheus(net::HttpClient& client, WatchedPrometheus options, const WatchTiming& timing) {
    return std::make_unique<Prometheus>(client, std::move(options), timing);
}

} // namespace oa_stream::cli
