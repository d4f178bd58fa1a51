#include "replay_scenario.hpp"

#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace oa_stream::authority {

namespace {

constexpr std::string_view k_scenario = "scenario:";
constexpr std::string_view k_blanks = " \t\r\n";
constexpr std::uint64_t k_most_words = 1'000'000;
constexpr std::uint64_t k_longest_ms = 86'400'000;

// Text with every kind of character that breaks some decoder.
constexpr std::string_view k_unicode = "naïve — 日本語 עברית "
                                       "\U0001F469\U0001F3FD\u200D\U0001F680 \U0001D4B3 e\u0301 "
                                       "\U0001F1EF\U0001F1F5 end";
// Text that looks like the framing and the JSON around it.
constexpr std::string_view k_tricky =
    "line1\nline2\r\n\n\ndata: [DONE]\n\n{\"error\":{\"message\":\"quoted\"}}\u2028\u2029\ttab "
    "\"q\" \\ back : colon\n\nevent: x\n: comment";

struct Asked {
    const Scenario& scenario;
    const TurnRequest& request;
    const ReplayCounts& counts;

    [[nodiscard]] std::string text(std::string_view key, std::string_view otherwise) const {
        const auto found = scenario.args.find(key);
        return found == scenario.args.end() ? std::string(otherwise) : found->second;
    }
    /// A value that is not a number counts as missing.
    [[nodiscard]] std::uint64_t
    number(std::string_view key, std::uint64_t otherwise, std::uint64_t most) const {
        const auto found = scenario.args.find(key);
        return found == scenario.args.end()
                   ? otherwise
                   : parse_count(found->second, 0, most).value_or(otherwise);
    }
    [[nodiscard]] double seconds(std::string_view key, std::uint64_t otherwise_ms) const {
        return static_cast<double>(number(key, otherwise_ms, k_longest_ms)) / 1000;
    }
};

/// One synthetic turn on its own clock.
class ScenarioScript {
public:
    explicit ScenarioScript(const Asked& asked) : asked_(asked) {
        capture_.name = asked.scenario.name;
        add(turn::TurnStarted{});
    }

    void wait(double seconds) { clock_s_ += seconds; }
    void say(std::string text) {
        if (!open_) {
            open_ = true;
            add(turn::PartOpened{"m1", turn::PartKind::text});
        }
        add(turn::PartDelta{"m1", std::move(text)});
        ++deltas_;
    }
    void say_words() {
        const auto count = asked_.number("n", 3, k_most_words);
        const auto delay = asked_.seconds("delay", 5);
        wait(asked_.seconds("first", 0));
        for (std::uint64_t i = 1; i <= count; ++i) {
            wait(i > 1 ? delay : 0);
            say(fmt::format("w{}{}", i, i < count ? " " : ""));
        }
    }
    void tell_usage() {
        if (asked_.text("nousage", "0") == "1" || usage_sent_) {
            return;
        }
        usage_sent_ = true;
        const auto count = [&](std::string_view key, std::uint64_t otherwise) {
            return static_cast<std::int64_t>(asked_.number(key, otherwise, 1'000'000'000));
        };
        usage_ = turn::Usage{
            .input = count("in", 10),
            .cached_input = count("cached", 0),
            .output = count("out", deltas_),
            .reasoning_output = count("reasoning", 0)
        };
        add(turn::UsageKnown{*usage_});
    }

    [[nodiscard]] Recording end(turn::TurnEnded ended) {
        if (open_ && ended.outcome == turn::Outcome::completed) {
            add(turn::PartClosed{"m1"});
        }
        tell_usage();
        ended.usage = usage_;
        add(std::move(ended));
        return std::make_shared<const Capture>(std::move(capture_));
    }
    [[nodiscard]] Recording complete() { return end({}); }
    [[nodiscard]] Recording stop() {
        tell_usage();
        capture_.eof_before_end = true;
        capture_.eof_t_s = clock_s_;
        return std::make_shared<const Capture>(std::move(capture_));
    }

private:
    void add(turn::Event event) {
        capture_.events.push_back(TimedEvent{.t_s = clock_s_, .event = std::move(event)});
    }

    const Asked& asked_;
    Capture capture_{};
    std::optional<turn::Usage> usage_{};
    double clock_s_ = 0;
    std::uint64_t deltas_ = 0;
    bool open_ = false;
    bool usage_sent_ = false;
};

Result<Recording> answer(const Asked& asked, std::string text) {
    ScenarioScript script(asked);
    script.wait(asked.seconds("first", 0));
    if (!text.empty()) {
        script.say(std::move(text));
    }
    return script.complete();
}

Result<Recording> capabilities(const Asked& asked);

Result<Recording> echo(const Asked& asked) {
    return answer(asked, asked.text("text", "ok"));
}

Result<Recording> words(const Asked& asked) {
    ScenarioScript script(asked);
    script.say_words();
    return script.complete();
}

Result<Recording> empty(const Asked& asked) {
    return answer(asked, {});
}

Result<Recording> unicode(const Asked& asked) {
    ScenarioScript script(asked);
    auto rest = k_unicode;
    while (!rest.empty()) {
        std::size_t size = 1;
        while (size < rest.size() && !begins_code_point(rest[size])) {
            ++size;
        }
        script.say(std::string(rest.substr(0, size)));
        rest.remove_prefix(size);
    }
    return script.complete();
}

Result<Recording> tricky(const Asked& asked) {
    const auto half = k_tricky.find("{\"error\"");
    ScenarioScript script(asked);
    script.say(std::string(k_tricky.substr(0, half)));
    script.say(std::string(k_tricky.substr(half)));
    return script.complete();
}

Result<Recording> truncate(const Asked& asked) {
    ScenarioScript script(asked);
    script.say_words();
    return script.end({.outcome = turn::Outcome::completed, .finish = turn::Finish::length});
}

Result<Recording> eof(const Asked& asked) {
    ScenarioScript script(asked);
    script.say_words();
    return script.stop();
}

Result<Recording> fail_mid(const Asked& asked) {
    turn::TurnEnded ended{.outcome = turn::Outcome::failed, .finish = turn::Finish::error};
    ended.failure = turn::Failure{
        .code = turn::FailureCode::turn_failed,
        .retryable = true,
        .detail = asked.text("msg", "failed as asked")
    };
    ScenarioScript script(asked);
    script.say_words();
    return script.end(std::move(ended));
}

Result<Recording> stall(const Asked& asked) {
    ScenarioScript script(asked);
    script.say_words();
    script.tell_usage();
    script.wait(asked.seconds("ms", 1000));
    return script.complete();
}

Result<Recording> http_500(const Asked& /*asked*/) {
    return fail(Code::protocol, "the turn was refused, as asked");
}

Result<Recording> http_429(const Asked& /*asked*/) {
    return fail(Code::unavailable, "too many requests, as asked", "rate_limited");
}

Result<Recording> find(const Asked& asked) {
    const auto wanted = asked.text("a", "") + asked.text("b", "");
    const auto& request = asked.request;
    const bool instructed = request.instructions.contains(wanted);
    const bool seeded = std::ranges::any_of(request.seed, [&](const SeedMessage& message) {
        return message.text.contains(wanted);
    });
    const bool given = std::ranges::any_of(request.input, [&](const InputPart& part) {
        const auto* text = std::get_if<InputText>(&part);
        return text != nullptr && text->text.contains(wanted);
    });
    return answer(asked, instructed || seeded || given ? "found" : "missing");
}

Result<Recording> stats(const Asked& asked) {
    const auto& counts = asked.counts;
    return answer(
        asked,
        fmt::format(
            "started={} interrupted={} completed={}",
            counts.started,
            counts.interrupted,
            counts.completed
        )
    );
}

struct Row {
    std::string_view name;
    Result<Recording> (*play)(const Asked&);
};
constexpr std::array k_rows{
    Row{"capabilities", capabilities},
    Row{"echo", echo},
    Row{"words", words},
    Row{"empty", empty},
    Row{"unicode", unicode},
    Row{"tricky", tricky},
    Row{"truncate", truncate},
    Row{"eof", eof},
    Row{"fail-mid", fail_mid},
    Row{"stall", stall},
    Row{"http-500", http_500},
    Row{"http-429", http_429},
    Row{"find", find},
    Row{"stats", stats},
};

Result<Recording> capabilities(const Asked& asked) {
    std::string list = "scenarios:";
    for (const auto& row : k_rows) {
        list.append(" ").append(row.name);
    }
    return answer(asked, std::move(list));
}

const Row* row_of(std::string_view name) {
    const auto* row = std::ranges::find(k_rows, name, &Row::name);
    return row == k_rows.end() ? nullptr : row;
}

} // namespace

std::optional<Scenario> find_scenario(std::string_view text) {
    for (auto at = text.rfind(k_scenario); at != std::string_view::npos;
         at = at == 0 ? std::string_view::npos : text.rfind(k_scenario, at - 1)) {
        auto rest = text.substr(at + k_scenario.size());
        rest = rest.substr(0, rest.find_first_of(k_blanks));
        Scenario scenario{.name = std::string(cut_until(rest, ';'))};
        if (row_of(scenario.name) == nullptr) {
            continue;
        }
        while (!rest.empty()) {
            auto value = cut_until(rest, ';');
            const auto name = cut_until(value, '=');
            scenario.args.insert_or_assign(
                std::string(name), percent_decode(value).value_or(std::string(value))
            );
        }
        return scenario;
    }
    return std::nullopt;
}

Result<Recording>
play_scenario(const Scenario& scenario, const TurnRequest& request, const ReplayCounts& counts) {
    const auto* row = row_of(scenario.name);
    if (row == nullptr) {
        return fail(Code::precondition, "there is no such scenario");
    }
    return row->play(Asked{scenario, request, counts});
}

} // namespace oa_stream::authority
