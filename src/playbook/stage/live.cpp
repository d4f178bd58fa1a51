#include "live.hpp"

#include "oa_stream/probe/completions_smoke.hpp"
#include "oa_stream/probe/continuity.hpp"
#include "oa_stream/probe/control_smoke.hpp"
#include "oa_stream/probe/prober.hpp"
#include "oa_stream/probe/record.hpp"
#include "oa_stream/probe/shadow.hpp"
#include "oa_stream/probe/smoke.hpp"

#include "live_sample.hpp"
#include "live_targets.hpp"
#include "opened_ids.hpp"
#include "starved_smoke.hpp"
#include "thread_cleanup.hpp"
#include "thread_sample.hpp"

#include <fmt/format.h>

#include <map>
#include <utility>

namespace oa_stream::playbook {
namespace {

using measure::Sample;
using probe::Outcome;

class LiveInstruments final : public Instruments {
public:
    LiveInstruments(
        asio::any_io_executor executor,
        net::HttpClient& client,
        const traffic::TrafficDriver* driver,
        run::RunFolder& folder,
        LiveOptions options
    )
        : executor_(std::move(executor)), client_(client), folder_(folder),
          options_(std::move(options)), targets_{options_, driver},
          conversations_(client_, options_.limits, options_.prompt),
          cleanup_(executor_, client_, options_.limits), stalls_(executor_) {}

    [[nodiscard]] Task<std::vector<Check>> smoke(SmokeSpec spec) override {
        auto target = targets_.of(spec.through);
        if (!target) {
            co_return std::vector{unreached(spec.id, target.error())};
        }
        if (const auto one = options_.smoke_at.find(spec.through); one != options_.smoke_at.end()) {
            target->base_url = one->second;
            target->extra = {};
        }
        switch (spec.surface) {
        case Surface::completions:
            co_return co_await smoke_completions(std::move(spec), *std::move(target));
        case Surface::control:
            co_return co_await smoke_control(std::move(spec), *std::move(target));
        case Surface::stream:
            break;
        }
        co_return co_await smoke_stream(std::move(spec), *std::move(target));
    }

    [[nodiscard]] Task<std::vector<Check>> shadow(ShadowSpec spec, std::string id) override {
        auto canary = targets_.of(Through::canary);
        auto stable = targets_.of(Through::stable);
        if (!canary || !stable) {
            co_return std::vector{unreached(id, (canary ? stable : canary).error())};
        }
        if (!options_.probes) {
            co_return std::vector{skipped(id, "every check of it begins a turn")};
        }
        const bool replay = co_await probe::is_replay(client_, *canary, options_.limits);
        co_return co_await probe::shadow(
            client_,
            shadow_options(*std::move(canary), *std::move(stable), spec, std::move(id), replay)
        );
    }

    [[nodiscard]] Task<Check> continuity(Through from, Through to, std::string id) override {
        auto first = targets_.of(from);
        auto second = targets_.of(to);
        if (!first || !second) {
            co_return unreached(id, (first ? second : first).error());
        }
        if (!options_.probes) {
            co_return skipped(id, "it begins turns");
        }
        co_return co_await conversations_.across(
            {std::string(to_string(from)), *std::move(first), from == Through::canary},
            {std::string(to_string(to)), *std::move(second), to == Through::canary},
            std::move(id)
        );
    }

    [[nodiscard]] Task<Check>
    conversations_kept(bool back, std::string id, probe::ReadPace pace) override {
        const auto stable = targets_.of(Through::stable);
        const auto canary = targets_.of(Through::canary);
        if (!stable || !canary) {
            co_return unreached(id, (stable ? canary : stable).error());
        }
        auto sampled = sample_.take();
        std::vector<probe::OtherSide> sides{{{"canary", *canary, true}, sampled["stable"]}};
        if (back) {
            sides.push_back({{"stable", *stable}, sampled["canary"]});
        }
        Check check =
            co_await conversations_.kept(std::move(sides), std::move(id), std::move(pace));
        if (options_.cleans_up) {
            for (auto& [arm, ids] : sampled) {
                cleanup_.add({targets_.where(arm), std::move(ids)});
            }
        }
        co_return check;
    }

    [[nodiscard]] Task<Check> conversations_whole(std::string id, probe::ReadPace pace) override {
        co_return co_await conversations_.all_on(
            {"the users' address", options_.users},
            std::move(id),
            std::string(to_string(Through::canary)),
            std::move(pace)
        );
    }

    [[nodiscard]] Task<probe::Removal> remove_conversations(probe::RemovePace pace) override {
        co_return co_await cleanup_.finish(take_opened(), std::move(pace));
    }

    [[nodiscard]] Result<void>
    start_flow(FlowRates rates, std::function<void(Sample)> on_sample) override {
        on_flow_ = on_sample;
        sample_.keep(rates.sampled);
        probe::ProberOptions options = prober_options(std::move(on_sample));
        OA_CHECK(add_arm(options, "stable", Through::stable, rates.stable));
        OA_CHECK(add_arm(options, "canary", Through::canary, rates.canary));
        OA_CHECK(add_arm(options, "users", Through::users, rates.users));
        kept_.clear();
        ++flows_;
        OA_TRY(prober_, probe::Prober::make(executor_, client_, std::move(options)));
        prober_->start();
        return {};
    }

    [[nodiscard]] Task<void> stop_flow(Millis limit) override {
        if (!prober_) {
            co_return;
        }
        if (limit > Millis(0)) {
            co_await prober_->drain(limit);
        }
        tell_given_up();
        prober_.reset(); // requests in flight are cancelled and not delivered
    }

    [[nodiscard]] Result<void>
    start_watch(double per_s, std::function<void(Sample)> on_sample) override {
        probe::ProberOptions options = prober_options(std::move(on_sample));
        OA_CHECK(add_arm(options, "users", Through::users, per_s));
        OA_TRY(watch_, probe::Prober::make(executor_, client_, std::move(options)));
        watch_->start();
        return {};
    }

    [[nodiscard]] Task<void> stop_watch(Millis limit) override {
        if (watch_ && limit > Millis(0)) {
            co_await watch_->drain(limit);
        }
        watch_.reset();
    }

    [[nodiscard]] Task<Sample> fresh_probe() override {
        const double at_s = folder_.seconds_since_start();
        std::string thread = probe::probe_thread();
        const auto sample =
            co_await probe::probe_stream(client_, options_.users, request(thread), options_.limits);
        opened_.add("users", std::move(thread), sample.status);
        if (sample.bad()) {
            keep_counted("restore", sample);
        }
        co_return to_sample("users", at_s, sample);
    }

    [[nodiscard]] OtherRequests other_requests() const override { return cleanup_.requests(); }

    [[nodiscard]] Task<Result<std::string>> begin_stage(int percent) override {
        if (!options_.begin_stage) {
            co_return std::string();
        }
        co_return co_await options_.begin_stage(percent);
    }

    void write_pending() override {
        for (const auto& [stem, sample] : std::exchange(pending_, {})) {
            probe::keep_stream(folder_, stem, sample);
        }
    }

private:
    /// A real model's answers vary: only a replay's text can be compared.
    [[nodiscard]] probe::ShadowOptions shadow_options(
        probe::Target canary,
        probe::Target stable,
        const ShadowSpec& spec,
        std::string id,
        bool replay
    ) {
        probe::ShadowOptions out;
        out.lane = std::move(canary);
        out.reference = std::move(stable);
        out.limits = options_.limits;
        out.id_prefix = std::move(id);
        out.compare = replay ? probe::Compare::text : probe::Compare::structure;
        out.latency.p95_delta_at_most_s = spec.p95_delta_at_most_s;
        out.latency.undecided_skips = true; // the stages' gates judge latency
        for (const std::string& prompt : spec.prompts) {
            out.prompts.push_back({.text = prompt});
        }
        if (out.prompts.empty()) {
            out.prompts = probe::default_prompts(replay);
        }
        out.keep = [this](const std::string& stem, const probe::ProbeSample& sample) {
            return probe::keep_stream(folder_, stem, sample);
        };
        out.on_pair = [this](const Json& pair) { folder_.append("measure/pairs.ndjson", pair); };
        return out;
    }

    [[nodiscard]] Task<std::vector<Check>> smoke_stream(SmokeSpec spec, probe::Target target) {
        probe::SmokeOptions options;
        options.target = std::move(target);
        options.limits = options_.limits;
        options.id_prefix = spec.id;
        options.on_check = options_.on_check;
        options.prompt = options_.prompt;
        options.probes = options_.probes;
        options.on_opened = [this,
                             arm = std::string(to_string(spec.through))](const std::string& thread
                            ) { opened_.add(arm, thread); };
        options.keep = [this,
                        id = spec.id](const std::string& stem, const probe::ProbeSample& sample) {
            return probe::keep_stream(
                folder_, stem.starts_with(id) ? stem : id + "." + stem, sample
            );
        };
        co_return co_await smoke_unless_starved(&client_, &stalls_, std::move(options));
    }

    [[nodiscard]] Task<std::vector<Check>> smoke_completions(SmokeSpec spec, probe::Target target) {
        if (!options_.probes) {
            co_return std::vector{skipped(spec.id, "every check of it begins a turn")};
        }
        probe::CompletionsSmokeOptions options;
        options.target = std::move(target);
        options.limits = options_.limits;
        options.id_prefix = spec.id;
        options.on_check = options_.on_check;
        options.keep = [this](const std::string& name, std::string_view bytes) {
            return probe::keep_bytes(folder_, name, bytes);
        };
        co_return co_await probe::smoke_completions(client_, std::move(options));
    }

    [[nodiscard]] Task<std::vector<Check>> smoke_control(SmokeSpec spec, probe::Target target) {
        probe::ControlSmokeOptions options;
        if (spec.through == Through::users && !options_.control_url.empty()) {
            target.base_url = options_.control_url;
            target.connect_to.clear();
        }
        options.target = std::move(target);
        options.id_prefix = spec.id;
        options.on_check = options_.on_check;
        options.probes = options_.probes;
        options.writes = options_.writes;
        options.keep = [this](const std::string& name, std::string_view bytes) {
            return probe::keep_bytes(folder_, name, bytes);
        };
        options.profile = probe::parse_control_profile(spec.profile).value_or(options.profile);
        co_return co_await probe::smoke_control(client_, std::move(options));
    }

    [[nodiscard]] static Check skipped(std::string id, std::string why) {
        return make_check(std::move(id), Verdict::skipped, std::move(why));
    }
    [[nodiscard]] static Check unreached(const std::string& id, const Error& error) {
        return {.id = id, .detail = error.text()};
    }

    [[nodiscard]] Result<void>
    add_arm(probe::ProberOptions& options, std::string name, Through through, double rate) const {
        if (rate > 0) {
            OA_TRY(probe::Target target, targets_.of(through));
            options.arms.push_back(
                {std::move(name), std::move(target), rate, through == Through::users}
            );
        }
        return {};
    }

    [[nodiscard]] probe::ProberOptions prober_options(std::function<void(Sample)> on_sample) {
        probe::ProberOptions out;
        out.limits = options_.limits;
        const int flow = opened_.next_flow();
        out.seed = static_cast<std::uint64_t>(flow);
        out.request = [this, flow](std::string_view arm, std::uint64_t index) {
            return request(opened_.begin(flow, arm, index));
        };
        out.on_sample = [this, flow, deliver = std::move(on_sample)](const probe::ProberSample& s) {
            auto thread = opened_.ended(flow, s);
            if (thread && !s.sample.bad() && s.arm != "users") {
                thread = sample_.add(s.arm, *std::move(thread));
            }
            if (thread && options_.cleans_up) {
                cleanup_.add({targets_.where(s.arm), {*std::move(thread)}});
            }
            hand_on(s, deliver);
        };
        return out;
    }

    /// Gates judge latency numbers; the smokes check whether a hop buffers.
    [[nodiscard]] probe::ProbeRequest request(std::string_view thread) const {
        probe::ProbeRequest out = probe::probe_request(thread, options_.prompt);
        out.pacing = probe::PacingMode::observe;
        out.keep = true;
        return out;
    }

    [[nodiscard]] std::vector<probe::OpenedThreads> take_opened() {
        std::vector<probe::OpenedThreads> out;
        for (std::string& id : conversations_.take()) {
            opened_.add("users", std::move(id));
        }
        for (auto left : {opened_.take(), sample_.take()}) {
            for (auto& [arm, ids] : left) {
                out.push_back({targets_.where(arm), std::move(ids)});
            }
        }
        return out;
    }

    /// Sources also count requests that were cancelled, so these must be known not to be users'.
    void tell_given_up() const {
        for (const std::string_view arm : {"stable", "canary", "users"}) {
            for (auto left = prober_->counts(arm).in_flight; left > 0; --left) {
                on_flow_(given_up(std::string(arm), folder_.seconds_since_start()));
            }
        }
    }

    void hand_on(const probe::ProberSample& from, const std::function<void(Sample)>& deliver) {
        if (from.sample.outcome != Outcome::cancelled) {
            keep_counted(fmt::format("flow{}.{}", flows_, from.arm), from.sample);
        }
        deliver(to_sample(from, folder_.seconds_since_start()));
    }

    void keep_counted(const std::string& where, const probe::ProbeSample& sample) {
        const std::string group = where + (sample.bad() ? ".bad" : ".good");
        const std::size_t limit = sample.bad() ? options_.keep_bad : 1;
        std::size_t& count = kept_[group];
        if (count < limit && !sample.raw_head.empty()) {
            pending_.emplace_back(fmt::format("{}-{}", group, ++count), sample);
        }
    }

    asio::any_io_executor executor_;
    net::HttpClient& client_;
    run::RunFolder& folder_;
    LiveOptions options_;
    LiveTargets targets_;
    probe::Continuity conversations_;
    ThreadCleanup cleanup_;
    probe::StallMeter stalls_;
    std::unique_ptr<probe::Prober> prober_;
    std::function<void(Sample)> on_flow_{};
    std::unique_ptr<probe::Prober> watch_;
    std::map<std::string, std::size_t> kept_;
    std::vector<std::pair<std::string, probe::ProbeSample>> pending_;
    ThreadSample sample_; ///< of a stage that checks conversations at its end
    OpenedIds opened_; ///< by arm: "stable", "canary", "users"
    int flows_ = 0;
};

} // namespace

std::unique_ptr<Instruments> make_live_instruments(
    const asio::any_io_executor& executor,
    net::HttpClient& client,
    const traffic::TrafficDriver* driver,
    run::RunFolder& folder,
    LiveOptions options
) {
    return std::make_unique<LiveInstruments>(executor, client, driver, folder, std::move(options));
}

} // namespace oa_stream::playbook
