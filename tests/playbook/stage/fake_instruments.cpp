#include "../world.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook::testing {

Task<std::vector<Check>> FakeInstruments::smoke(SmokeSpec spec) {
    if (on_smoke) {
        on_smoke(spec.id);
    }
    Check check;
    check.id = spec.id + ".happy";
    const auto found = smokes.find(spec.id);
    check.verdict = found == smokes.end() ? Verdict::pass : found->second;
    check.detail = "as told";
    co_return std::vector{check};
}

Task<std::vector<Check>> FakeInstruments::shadow(ShadowSpec /*spec*/, std::string id) {
    SmokeSpec spec;
    spec.id = std::move(id);
    co_return co_await smoke(std::move(spec));
}

Task<Check> FakeInstruments::continuity(Through from, Through to, std::string id) {
    crossings.push_back(
        fmt::format("{} → {} at {}%", to_string(from), to_string(to), canary_share_())
    );
    Check check;
    check.verdict = smokes.contains(id) ? smokes[id] : Verdict::pass;
    check.id = std::move(id);
    co_return check;
}

Task<Check> FakeInstruments::conversations_kept(bool back, std::string id, probe::ReadPace pace) {
    kept.push_back(fmt::format("{} at {}%", back ? "both" : "canary", canary_share_()));
    co_return co_await look(std::move(id), std::move(pace));
}

Task<Check> FakeInstruments::conversations_whole(std::string id, probe::ReadPace pace) {
    co_return co_await look(std::move(id), std::move(pace));
}

Task<Check> FakeInstruments::look(std::string id, probe::ReadPace pace) {
    if (on_read) {
        on_read();
    }
    const auto stopped = [&] { return pace.stop && pace.stop(); };
    const auto until = Clock::now() + std::min(reading, pace.longest);
    while (Clock::now() < until && !stopped()) {
        (void)co_await sleep_for(Millis(1));
    }
    Check check;
    check.verdict = stopped()                ? Verdict::inconclusive
                    : reading > pace.longest ? Verdict::error
                    : smokes.contains(id)    ? smokes[id]
                                             : Verdict::pass;
    check.id = std::move(id);
    co_return check;
}

Task<probe::Removal> FakeInstruments::remove_conversations(probe::RemovePace pace) {
    paces.push_back(pace.longest);
    if (on_remove) {
        on_remove();
    }
    const auto until = Clock::now() + std::min(removing, pace.longest);
    while (Clock::now() < until && !(pace.stop && pace.stop())) {
        (void)co_await sleep_for(Millis(1));
    }
    co_return probe::Removal{.removed = 7, .left = undeleted, .why = "it does not want to"};
}

Result<void>
FakeInstruments::start_flow(FlowRates rates, std::function<void(measure::Sample)> on_sample) {
    if (failing_flows.contains(++flows)) {
        return fail(Code::network, "no probe gets out");
    }
    on_flow_ = on_sample;
    sampled.push_back(rates.sampled);
    const int bad = bad_at.contains(percent_) ? bad_at[percent_] : 0;
    const double slow = slow_at.contains(percent_) ? slow_at[percent_] : 0.1;
    const int canary_share = met_at.contains(percent_) ? met_at[percent_] : canary_share_();
    const std::string canary =
        answered_by.contains(percent_) ? answered_by[percent_] : std::string("canary");
    std::map<std::string, int> users_left = bad_users; // still to be bad
    int starved = starved_users;
    for (int i = 0; i < per_flow; ++i) {
        const double jitter = 0.0001 * (i % 7);
        if (rates.stable > 0) {
            on_sample(
                {.arm = "stable",
                 .revision = "stable",
                 .outcome = "ok",
                 .first_content_s = 0.1 + jitter}
            );
        }
        on_sample(
            {.arm = "canary",
             .revision = canary,
             .outcome = i < bad ? "http_status" : "ok",
             .bad = i < bad,
             .first_content_s = slow + jitter}
        );
        const bool to_canary = i * canary_share / 100 != (i + 1) * canary_share / 100;
        if (!(rates.users > 0)) {
            continue;
        }
        const std::string by = i < unanswered + unnamed ? "" : to_canary ? "canary" : "stable";
        const bool cut = users_left[by] > 0;
        users_left[by] -= cut ? 1 : 0;
        const bool lost = by == "canary" && starved > 0;
        starved -= lost ? 1 : 0;
        on_sample(
            {.arm = "users",
             .revision = by,
             .outcome = i < unanswered ? "too_slow"
                        : lost         ? "starved"
                        : cut          ? "truncated"
                                       : "ok",
             .bad = cut || i < unanswered,
             .first_content_s = 0.1}
        );
    }
    return {};
}

Task<void> FakeInstruments::stop_flow(Millis) {
    for (int i = 0; on_flow_ && i < given_up; ++i) {
        for (const auto* arm : {"stable", "canary", "users"}) {
            on_flow_(
                {.arm = arm,
                 .revision = std::string_view(arm) == "users" ? given_up_by : std::string(),
                 .outcome = "cancelled",
                 .end_s = 0}
            );
        }
    }
    on_flow_ = {};
    co_return;
}

struct FakeInstruments::Watch {
    FakeInstruments& world;
    std::function<void(measure::Sample)> on_sample;
    bool running = true;

    static Task<void> come_in(std::shared_ptr<Watch> self) {
        for (int i = 0; co_await sleep_for(Millis(2)) && self->running; ++i) {
            FakeInstruments& world = self->world;
            const int share = world.canary_share_();
            bool canary = i * share / 100 != (i + 1) * share / 100;
            if (share == 0 && world.late_users > 0 && world.written_()) {
                --world.late_users;
                canary = true;
            }
            self->on_sample(
                {.at_s = world.now(),
                 .arm = "users",
                 .revision = canary ? "canary" : "stable",
                 .outcome = "ok",
                 .first_content_s = 0.001}
            );
        }
    }
};

Result<void> FakeInstruments::start_watch(double, std::function<void(measure::Sample)> on_sample) {
    watch_ = std::make_shared<Watch>(Watch{*this, std::move(on_sample)});
    spawn(executor, "fake users", Watch::come_in(watch_));
    return {};
}

Task<void> FakeInstruments::stop_watch(Millis) {
    if (watch_) {
        watch_->running = false;
    }
    watch_.reset();
    co_return;
}

Task<measure::Sample> FakeInstruments::fresh_probe() {
    ++fresh;
    measure::Sample sample;
    sample.arm = "users";
    const bool canary = canary_answers ? canary_answers(fresh) : canary_share_() == 100;
    sample.revision = canary ? "canary" : "stable";
    sample.bad = fresh <= bad_fresh;
    sample.outcome = sample.bad ? "truncated" : "ok";
    sample.first_content_s = 0.01;
    co_return sample;
}

Task<Result<std::string>> FakeInstruments::begin_stage(int percent) {
    percent_ = percent;
    if (on_stage) {
        on_stage(percent);
    }
    co_return bad_at.contains(percent) ? "fault" : "";
}

} // namespace oa_stream::playbook::testing
