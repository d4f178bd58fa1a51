#include "oa_stream/playbook/live.hpp"

#include "oa_stream/probe/prober.hpp"
#include "oa_stream/probe/smoke.hpp"

#include "live_sample.hpp"

#include <fmt/format.h>

#include <cmath>
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
        evidence::RunFolder& folder,
        LiveOptions options
    )
        : executor_(std::move(executor)), client_(client), driver_(driver), folder_(folder),
          options_(std::move(options)) {}

    [[nodiscard]] Task<std::vector<Check>> smoke(SmokeSpec spec) override {
        auto target = target_of(spec.through);
        if (!target) {
            Check check;
            check.id = spec.id;
            check.detail = target.error().text();
            co_return std::vector{std::move(check)};
        }
        probe::SmokeOptions options;
        options.target = *std::move(target);
        options.limits = options_.limits;
        options.id_prefix = spec.id;
        options.prompt = options_.prompt;
        options.keep = [this,
                        id = spec.id](const std::string& stem, const probe::ProbeSample& sample) {
            return keep(stem.starts_with(id) ? stem : id + "." + stem, sample);
        };
        co_return co_await probe::smoke_stream(client_, std::move(options));
    }

    [[nodiscard]] Result<void>
    start_flow(FlowRates rates, std::function<void(Sample)> on_sample) override {
        probe::ProberOptions options;
        options.limits = options_.limits;
        OA_CHECK(add_arm(options, "stable", Through::stable, rates.stable));
        OA_CHECK(add_arm(options, "canary", Through::canary, rates.canary));
        OA_CHECK(add_arm(options, "users", Through::users, rates.users));
        options.request = [this](std::string_view, std::uint64_t) { return request(); };
        options.on_sample = [this, deliver = std::move(on_sample)](const probe::ProberSample& s) {
            take(s, deliver);
        };
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
        prober_.reset(); // what is still in flight is cancelled and not delivered
    }

    [[nodiscard]] Task<Sample> fresh_probe() override {
        const double at_s = folder_.seconds_since_start();
        const auto sample =
            co_await probe::probe_stream(client_, options_.users, request(), options_.limits);
        if (sample.bad()) {
            keep_counted("restore", sample);
        }
        co_return to_sample("users", at_s, sample);
    }

    [[nodiscard]] Task<Result<std::string>> begin_stage(int percent) override {
        if (!options_.begin_stage) {
            co_return std::string();
        }
        co_return co_await options_.begin_stage(percent);
    }

    void settle() override {
        for (auto& [stem, sample] : std::exchange(pending_, {})) {
            (void)keep(stem, std::move(sample));
        }
    }

private:
    [[nodiscard]] Result<probe::Target> target_of(Through through) const {
        probe::Target target = options_.users;
        if (through == Through::users) {
            return target;
        }
        if (driver_ == nullptr) {
            return fail(Code::internal, "nothing here knows the way to a single revision");
        }
        OA_TRY(
            const traffic::ArmAddress address,
            driver_->address(through == Through::stable ? options_.stable : options_.canary)
        );
        target.base_url = address.base_url;
        target.connect_to = address.connect_to;
        for (const auto& [name, value] : address.headers) {
            target.extra.set(name, value);
        }
        return target;
    }

    [[nodiscard]] Result<void>
    add_arm(probe::ProberOptions& options, std::string name, Through through, double rate) const {
        if (rate > 0) {
            OA_TRY(probe::Target target, target_of(through));
            options.arms.push_back({std::move(name), std::move(target), rate});
        }
        return {};
    }

    /// Gates judge latency by numbers; whether a hop buffers is the smokes' business.
    [[nodiscard]] probe::ProbeRequest request() const {
        probe::ProbeRequest out = probe::default_probe_request(options_.prompt);
        out.pacing = probe::PacingMode::observe;
        out.keep = true;
        return out;
    }

    void take(const probe::ProberSample& from, const std::function<void(Sample)>& deliver) {
        if (from.sample.outcome == Outcome::cancelled) {
            return;
        }
        const double ago = std::chrono::duration<double>(Clock::now() - from.intended).count();
        Sample sample = to_sample(from.arm, folder_.seconds_since_start() - ago, from.sample);
        // As a user would have seen it: a probe that had to wait for its turn waited.
        if (sample.first_content_s && std::isfinite(*sample.first_content_s)) {
            sample.first_content_s = from.first_content_s();
        }
        sample.end_s = from.end_s();
        keep_counted(fmt::format("flow{}.{}", flows_, from.arm), from.sample);
        deliver(std::move(sample));
    }

    std::vector<std::string> keep(const std::string& stem, probe::ProbeSample sample) {
        for (std::string* text : {&sample.raw_head, &sample.raw_body, &sample.body_start}) {
            *text = folder_.redactor().apply(*text);
        }
        auto names = probe::save_stream(folder_.path() / "streams", stem, sample);
        if (!names) {
            folder_.note("stream not kept", {{"error", names.error().text()}});
            return {};
        }
        for (std::string& name : *names) {
            name = "streams/" + name;
        }
        return *std::move(names);
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
    const traffic::TrafficDriver* driver_;
    evidence::RunFolder& folder_;
    LiveOptions options_;
    std::unique_ptr<probe::Prober> prober_;
    std::map<std::string, std::size_t> kept_;
    std::vector<std::pair<std::string, probe::ProbeSample>> pending_;
    int flows_ = 0;
};

} // namespace

std::unique_ptr<Instruments> make_live_instruments(
    const asio::any_io_executor& executor,
    net::HttpClient& client,
    const traffic::TrafficDriver* driver,
    evidence::RunFolder& folder,
    LiveOptions options
) {
    return std::make_unique<LiveInstruments>(executor, client, driver, folder, std::move(options));
}

} // namespace oa_stream::playbook
