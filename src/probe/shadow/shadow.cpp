#include "oa_stream/probe/shadow.hpp"

#include "oa_stream/authority/kind.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"
#include "oa_stream/probe/opened_threads.hpp"

#include "judged_prompt.hpp"
#include "shadow_judge.hpp"
#include "shadow_native.hpp"
#include "shadow_turn.hpp"
#include "stream/outcome.hpp"
#include "stream/target_request.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <random>
#include <utility>

namespace oa_stream::probe {
namespace {

constexpr std::string_view k_thread_prefix = "oashadow";
constexpr std::size_t k_listed_threads = 200;
constexpr Millis k_removing{10'000}; ///< for a pair's conversations

struct Job {
    std::size_t prompt = 0;
    bool lane_first = true;
};

class Comparison {
public:
    Comparison(net::HttpClient& client, ShadowOptions options)
        : client_(client), options_(std::move(options)), judged_(options_.prompts.size()),
          remover_(client, options_.limits) {}

    [[nodiscard]] Task<std::vector<Check>> run() {
        const std::vector<Job> jobs = order();
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            co_await pair(jobs[i], i);
            co_await remove_pair();
            if (options_.on_progress) {
                options_.on_progress(i + 1, jobs.size());
            }
            if (unasked_in_a_row_ >= k_give_up) {
                break; // unreachable or refused: further pairs would not prove anything either
            }
        }
        remover_.end_within(k_removing);
        removal_ = co_await remover_.finish();
        co_return conclude();
    }

private:
    static constexpr std::size_t k_give_up = 3;

    [[nodiscard]] std::size_t timed_prompts() const {
        const auto n = std::ranges::count_if(options_.prompts, &ShadowPrompt::timed);
        return static_cast<std::size_t>(n);
    }

    [[nodiscard]] std::vector<Job> order() const {
        std::size_t runs = options_.runs == 0 ? default_runs(timed_prompts()) : options_.runs;
        runs = std::min(runs, k_most_pairs / std::max<std::size_t>(options_.prompts.size(), 1));
        std::mt19937_64 random(options_.seed); // its numbers are the same on every platform
        std::vector<Job> jobs;
        for (std::size_t run = 0; run < runs; ++run) {
            for (std::size_t prompt = 0; prompt < options_.prompts.size(); ++prompt) {
                jobs.push_back({prompt, (random() & 1U) == 0});
            }
        }
        for (std::size_t i = jobs.size(); i > 1; --i) {
            std::swap(jobs[i - 1], jobs[random() % i]);
        }
        return jobs;
    }

    [[nodiscard]] Task<Heard> hear_lane(Target target, std::string prompt) {
        const std::string thread = fresh_thread(k_thread_prefix);
        if (options_.on_turn) {
            options_.on_turn(thread);
        }
        ProbeRequest request;
        request.body = chat_body(thread, prompt);
        request.thread = thread;
        request.keep = true;
        request.pacing = PacingMode::observe;
        auto sample = std::make_shared<ProbeSample>(
            co_await probe_stream(client_, target, std::move(request), options_.limits)
        );
        Heard heard;
        if (sample->status == 200) {
            ++turns_;
            if (threads_.size() < k_listed_threads) {
                threads_.push_back(thread);
            }
            heard.meaning = meaning_of_stream(sample->raw_body, options_.ignored);
            heard.meaning.cut = heard.meaning.cut || sample->raw_body.size() >= k_longest_turn;
            heard.first_content_s = sample->clocks.first_content;
            heard.end_s = sample->clocks.end;
        } else {
            heard.meaning.code = sample->error_code;
        }
        heard.ending = ending_of(*sample, heard.meaning);
        heard.detail =
            sample->detail + (sample->status == 404 ? base_path_advice(target.base_url) : "");
        heard.unreachable = is_unreachable(sample->outcome);
        if (!heard.unreachable || sample->outcome == Outcome::cancelled) { // a turn may have begun
            pair_threads_.push_back({{std::move(target)}, {thread}});
        }
        heard.denied = sample->outcome == Outcome::unauthorised;
        heard.keep = [this, sample](const std::string& stem) {
            return options_.keep ? options_.keep(stem, *sample) : std::vector<std::string>();
        };
        co_return heard;
    }

    [[nodiscard]] Heard understand(NativeTurn native) const {
        Heard heard;
        heard.detail = native.trouble;
        heard.unreachable = native.unreachable;
        heard.first_content_s = native.first_content_s;
        heard.end_s = native.end_s;
        auto lines = std::make_shared<std::string>(native_lines(native));
        heard.meaning = meaning_of_events(std::move(native.events), options_.ignored);
        heard.meaning.cut = heard.meaning.cut || native.cut;
        const bool empty = heard.meaning.items.empty() && heard.meaning.ending == "completed";
        heard.ending = !native.trouble.empty() ? "no turn" : empty ? "empty" : heard.meaning.ending;
        heard.keep = [this, lines](const std::string& stem) {
            return options_.keep_native
                       ? std::vector{options_.keep_native(stem + ".events.txt", *lines)}
                       : std::vector<std::string>();
        };
        return heard;
    }

    [[nodiscard]] Task<Heard> hear_reference(const ShadowPrompt* prompt) {
        if (prompt->recorded) {
            co_return understand(recorded_turn(*prompt->recorded));
        }
        if (options_.reference) {
            co_return co_await hear_lane(*options_.reference, prompt->text);
        }
        if (options_.native != nullptr) {
            ++turns_;
            co_return understand(
                co_await ask_native(options_.native, prompt->text, options_.limits.total)
            );
        }
        co_return Heard{
            .ending = "no turn", .detail = "no reference was given", .unreachable = true
        };
    }

    [[nodiscard]] Task<void> pair(Job job, std::size_t number) {
        const ShadowPrompt& prompt = options_.prompts[job.prompt];
        Heard lane;
        Heard reference;
        if (job.lane_first) {
            lane = co_await hear_lane(options_.lane, prompt.text);
            reference = co_await hear_reference(&prompt);
        } else {
            reference = co_await hear_reference(&prompt);
            lane = co_await hear_lane(options_.lane, prompt.text);
        }
        const PairVerdict verdict = judge_pair(
            lane,
            reference,
            prompt.expect,
            options_.compare,
            prompt.recorded ? Excerpts::hidden : Excerpts::shown
        );
        unasked_in_a_row_ = verdict.verdict == Verdict::error ? unasked_in_a_row_ + 1 : 0;
        note(job, number, lane, reference, verdict);
        take(judged_[job.prompt], job, verdict, lane, reference);
        const bool both_ended = lane.ending == prompt.expect && reference.ending == prompt.expect;
        // The first pair finds caches cold, so it is not timed.
        if (both_ended && number > 0) {
            time(whole_, lane.end_s, reference.end_s);
            time(first_content_, lane.first_content_s, reference.first_content_s);
        }
    }

    /// Runs between pairs, when nothing is timed.
    [[nodiscard]] Task<void> remove_pair() {
        remover_.end_within(k_removing);
        for (OpenedThreads& one : std::exchange(pair_threads_, {})) {
            co_await remover_.remove(std::move(one));
        }
    }

    using Seconds = std::optional<double>;
    static void time(std::vector<TimedPair>& to, Seconds lane, Seconds reference) {
        if (lane && reference) {
            to.push_back({*lane, *reference});
        }
    }

    void note(
        const Job& job,
        std::size_t number,
        const Heard& lane,
        const Heard& reference,
        const PairVerdict& verdict
    ) const {
        if (!options_.on_pair) {
            return;
        }
        Json line{
            {"pair", number + 1},
            {"prompt", job.prompt + 1},
            {"first", job.lane_first ? "lane" : "reference"},
        };
        line.update(pair_json(lane, reference, verdict.verdict));
        options_.on_pair(line);
    }

    void take(
        JudgedPrompt& to,
        const Job& job,
        const PairVerdict& verdict,
        const Heard& lane,
        const Heard& reference
    ) const {
        const bool wrong = verdict.verdict != Verdict::pass;
        if (to.pairs == 0 || (wrong && to.kept < options_.keep_different)) {
            to.kept += wrong ? 1U : 0U;
            const std::string stem =
                fmt::format("{}.{}.{}", options_.id_prefix, job.prompt + 1, to.pairs + 1);
            for (const auto& [side, heard] :
                 {std::pair{".lane", &lane}, {".reference", &reference}}) {
                for (std::string& path : heard->keep(stem + side)) {
                    to.evidence.push_back(std::move(path));
                }
            }
        }
        to.add(verdict, lane.ending);
    }

    void report(std::vector<Check>& checks, Check check) const {
        if (options_.on_check) {
            options_.on_check(check);
        }
        checks.push_back(std::move(check));
    }

    void latency(std::vector<Check>& checks) const {
        const std::string prefix = options_.id_prefix + ".latency.";
        std::vector<Check> all{
            judge_slowdown(prefix + "first-content", first_content_, options_.latency),
            judge_slowdown(prefix + "whole", whole_, options_.latency),
            judge_p95_delta(prefix + "p95", whole_, options_.latency, options_.seed),
        };
        const bool untimed = timed_prompts() == 0;
        for (Check& check : all) {
            if (untimed) {
                check.detail = "recordings and refusals have no times that could be compared";
            }
            const bool undecided =
                check.verdict == Verdict::inconclusive && options_.latency.undecided_skips;
            if (untimed || undecided || !options_.latency.judged) {
                check.detail += undecided && !untimed ? "; undecided, and not decided here" : "";
                check.leave_out();
            }
            report(checks, std::move(check));
        }
    }

    void footprint(std::vector<Check>& checks) const {
        Check check = make_check(
            options_.id_prefix + ".footprint",
            turns_ > 0 ? Verdict::pass : Verdict::skipped,
            turns_ == 0
                ? "no turn was started"
                : fmt::format("{} on threads called {}_…", counted(turns_, "turn"), k_thread_prefix)
        );
        check.required = false;
        if (options_.reference && options_.reference->base_url == options_.lane.base_url &&
            options_.reference->connect_to == options_.lane.connect_to) {
            // At the front, because a terminal cuts the end of passed checks.
            check.detail = "compared a target with itself, as both sides are one address; " +
                           std::move(check.detail);
            check.data["same_target"] = true;
        }
        if (!removal_.left.empty() || removal_.removed > 0) {
            check.data["conversations"] = to_json(removal_);
            check.detail += removed_text(removal_);
        }
        check.data["turns"] = turns_;
        check.data["threads"] = threads_;
        report(checks, std::move(check));
    }

    [[nodiscard]] std::vector<Check> conclude() {
        std::vector<Check> checks;
        for (std::size_t i = 0; i < judged_.size(); ++i) {
            report(
                checks,
                judged_[i].conclude(
                    fmt::format("{}.turn.{}", options_.id_prefix, i + 1),
                    options_.prompts[i],
                    options_
                )
            );
        }
        latency(checks);
        footprint(checks);
        return checks;
    }

    net::HttpClient& client_;
    ShadowOptions options_;
    std::vector<JudgedPrompt> judged_;
    std::vector<TimedPair> whole_{};
    std::vector<TimedPair> first_content_{};
    std::vector<std::string> threads_{};
    std::vector<OpenedThreads> pair_threads_{};
    ThreadRemover remover_;
    Removal removal_{};
    std::uint64_t turns_ = 0;
    std::size_t unasked_in_a_row_ = 0;
};

} // namespace

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): outlives every comparison
Task<std::vector<Check>> shadow(net::HttpClient& client, ShadowOptions options) {
    const auto comparison = std::make_shared<Comparison>(client, std::move(options));
    co_return co_await comparison->run();
}

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): outlives every comparison
Task<bool> is_replay(net::HttpClient& client, Target target, ProbeLimits limits) {
    net::ClientRequest request = target_request(target, "GET", "/version", limits);
    request.max_body = 1U << 20U;
    const net::ClientResponse answer = co_await client.fetch(std::move(request));
    const auto json = answer.status == 200 ? parse_json(answer.body) : Result<Json>(Json());
    co_return (json && authority::plays_recordings(*json));
}

} // namespace oa_stream::probe
