// A small world for the engine: traffic that obeys or not, probes that answer at once.
#pragma once

#include "engine/run_plan.hpp"
#include "run_task.hpp"
#include "temp_folder.hpp"

#include <boost/asio/io_context.hpp>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace oa_stream::playbook::testing {

/// What kill -9 looks like from inside: nothing after it runs.
struct Crash {};

class FakeDriver final : public traffic::TrafficDriver {
public:
    /// What happens to one set().
    enum class Answer {
        good,
        lost_after,  ///< applied, the answer is lost
        lost_before, ///< not applied, no answer
        conflict,    ///< somebody else wrote in between
        raced,       ///< somebody else wrote the same split in between
        in_part,     ///< half of the change is applied, and the answer says that it failed
        yes_in_part, ///< half of the change is applied, and the answer is yes
        false_no,    ///< applied, and yet refused
        refused,
        hangs,
        ignored, ///< "yes", but it never serves
        not_kept, ///< applied, and a restart of the machinery would lose it
    };

    FakeDriver();
    [[nodiscard]] std::string_view kind() const noexcept override { return "fake"; }
    [[nodiscard]] std::string target() const override { return "fake:one"; }
    [[nodiscard]] Task<Result<traffic::TrafficState>> read() override;
    [[nodiscard]] Task<Result<void>> preview(traffic::Split target) override;
    [[nodiscard]] Task<Result<void>> set(traffic::Split target, std::string etag) override;
    [[nodiscard]] Task<Result<traffic::TrafficState>>
    verify(traffic::Split target, Millis limit) override;
    [[nodiscard]] bool splits_exactly() const noexcept override { return exact; }
    [[nodiscard]] Result<traffic::ArmAddress> address(std::string_view revision) const override;

    /// What the canary was given, by each write that was applied; the most of it.
    [[nodiscard]] std::vector<int> shares() const;
    [[nodiscard]] int most_canary() const;

    traffic::Split serving;
    int writes_seen = 0; ///< set() calls
    std::vector<traffic::Split> applied;
    std::map<int, Answer> answers{}; ///< by number of the set() call, from 1
    std::set<int> failing_reads{};   ///< by number of the read() call, from 1
    int reads = 0;
    int crash_at = 0;      ///< number of the driver call (any) that ends the process
    bool crash_after = false; ///< after its effect instead of before
    int calls = 0;
    std::function<void()> after_write{};
    bool exact = true;
    bool direct = false; ///< pinned probes go past it
    int away_from = 0; ///< from that read() on, and before away_to, it does not answer
    int away_to = 0;
    std::optional<traffic::Split> wanted{}; ///< asked for by somebody, and not served yet
    Json extra = Json::object();
    traffic::MachineryProcess process{};
    std::map<std::string, traffic::StreamCounts, std::less<>> streams{};
    std::optional<Error> preview_error{};
    std::vector<traffic::Split> previews{};
    std::function<void()> on_read{}; ///< before it is answered

private:
    void call(bool after);
    int etag_ = 1;
};

class FakeInstruments final : public Instruments {
public:
    /// Probes meet the canary in `canary_share` of 100; `written`, for late_users: a write was
    /// seen.
    explicit FakeInstruments(std::function<int()> canary_share, std::function<bool()> written = {})
        : canary_share_(std::move(canary_share)), written_(std::move(written)) {}
    [[nodiscard]] Task<std::vector<Check>> smoke(SmokeSpec spec) override;
    /// Says what `smokes` has under its id.
    [[nodiscard]] Task<std::vector<Check>> shadow(ShadowSpec spec, std::string id) override;
    /// Says what `smokes` has under its id.
    [[nodiscard]] Task<Check> continuity(Through from, Through to, std::string id) override;
    [[nodiscard]] Task<Check>
    conversations_kept(bool back, std::string id, probe::ReadPace pace) override;
    [[nodiscard]] Task<Check> conversations_whole(std::string id, probe::ReadPace pace) override;
    [[nodiscard]] Task<probe::Removal> remove_conversations(probe::RemovePace pace) override;
    [[nodiscard]] Result<void>
    start_flow(FlowRates rates, std::function<void(measure::Sample)> on_sample) override;
    [[nodiscard]] Task<void> stop_flow(Millis limit) override;
    /// One of the users comes in every other millisecond until the watch is stopped.
    [[nodiscard]] Result<void>
    start_watch(double per_s, std::function<void(measure::Sample)> on_sample) override;
    [[nodiscard]] Task<void> stop_watch(Millis limit) override;
    [[nodiscard]] Task<measure::Sample> fresh_probe() override;
    [[nodiscard]] Task<Result<std::string>> begin_stage(int percent) override;
    [[nodiscard]] OtherRequests other_requests() const override { return others; }
    void write_pending() override {}

    int per_flow = 100;                    ///< samples an arm
    std::map<int, int> bad_at{};           ///< stage percent → bad canary samples of a flow
    std::map<int, double> slow_at{};       ///< stage percent → canary's first content
    /// Stage percent → what unpinned probes really meet; the share that serves if not named.
    std::map<int, int> met_at{};
    int unanswered = 0; ///< unpinned probes of a flow, its first ones
    int unnamed = 0; ///< the next ones: a good answer that names no revision
    /// Revision → how many of its answers to the unpinned probes of a flow are bad.
    std::map<std::string, int> bad_users{};
    int starved_users = 0; ///< of the canary's answers to them, the first ones
    /// Stage percent → who answers probes that are pinned to the canary.
    std::map<int, std::string> answered_by{};
    std::map<std::string, Verdict> smokes{}; ///< by id; PASS if not named
    std::function<void(const std::string& id)> on_smoke{};
    std::vector<std::string> crossings{}; ///< "stable → canary at 50%"
    std::vector<std::string> kept{}; ///< "both at 50%", "canary at 0%"
    Millis reading{0}; ///< of the conversations, at a stage's end and after a rollback
    std::function<void()> on_read{};
    std::vector<std::string> undeleted{}; ///< conversations that cannot be removed
    OtherRequests others{};
    int given_up = 0; ///< of each arm, at the end of each flow
    std::string given_up_by{}; ///< who had begun to answer the unpinned ones of them
    /// What is left to remove takes until somebody asks to leave, or so long.
    Millis removing{0};
    std::function<void()> on_remove{};
    std::vector<Millis> paces{}; ///< how long removals were given
    int bad_fresh = 0;                     ///< so many fresh probes fail before the good ones
    int fresh = 0;
    std::function<bool(int)> canary_answers{}; ///< the fresh probe of this number, from 1
    int flows = 0;
    std::vector<std::size_t> sampled{}; ///< conversations that each flow was to keep
    std::set<int> failing_flows{}; ///< by number of the start_flow() call, from 1
    /// Of the users: the next so many meet the canary after the baseline is back.
    int late_users = 0;
    asio::any_io_executor executor{};
    std::function<double()> now{};
    std::function<void(int percent)> on_stage{};

private:
    struct Watch;
    /// At conversations, for as long as `reading` and the pace say.
    [[nodiscard]] Task<Check> look(std::string id, probe::ReadPace pace);
    std::function<void(measure::Sample)> on_flow_{};
    std::function<int()> canary_share_;
    std::function<bool()> written_;
    int percent_ = 0;
    std::shared_ptr<Watch> watch_{};
};

/// Answers what the test says, at once unless it is to hang.
class FakeSource final : public measure::Source {
public:
    using Answer = std::function<Result<measure::SourceReading>(const measure::Question&)>;
    explicit FakeSource(Answer answer) : answer_(std::move(answer)) {}
    [[nodiscard]] std::string_view name() const noexcept override { return "fake"; }
    [[nodiscard]] Task<Result<measure::SourceReading>> read(measure::Question question) override;

    bool hangs = false;
    int reads = 0;
    std::vector<measure::Question> asked{};

private:
    Answer answer_;
};

/// What a run says.
class Heard final : public run::RunObserver {
public:
    explicit Heard(std::vector<std::string>& lines) : lines_(lines) {}
    void say(const Advice& line) override { lines_.push_back(line.text()); }
    void progress(std::string_view) override {}

private:
    std::vector<std::string>& lines_;
};

class World {
public:
    World();

    /// A cutover that stays where it goes.
    void make_cutover();
    /// Few stages and few samples, so that there can be many deaths.
    void make_small();
    /// Runs the playbook to its end. Throws Crash when one was planned.
    RunOutcome run();
    [[nodiscard]] std::string journal_text() const;
    [[nodiscard]] static traffic::Split split(int canary);

    test::TempFolder own;
    std::filesystem::path state = own.path;
    Playbook playbook;
    FakeDriver driver;
    FakeInstruments instruments{
        [this] { return driver.serving.percent_of("canary"); },
        [this] { return driver.writes_seen > 0; }
    };
    StopRequest stop;
    /// Looks at the run every millisecond and may give orders; unset: nobody can steer it.
    std::function<void(run::Steering&)> person{};
    /// Gives the run what most tests do without, for as long as it lasts.
    std::function<void(RunInput&, const asio::any_io_executor&)> prepare{};
    std::function<void()> finished{};
    RunMode mode = RunMode::live;
    bool probes = true;
    std::optional<Asserted> asserted{};
    Sources sources{};
    Millis source_every{2};
    Millis source_call{100};
    Millis drift_every{1000}; ///< longer than any stage: only the look at its end
    std::vector<std::string> said;
    int journal_writes = 0;
    int crash_at_write = 0;   ///< number of the journal line that ends the process
    bool crash_after_write = false; ///< the line is on disk
    int journal_full_at = 0;  ///< from that line on the disk is full
    std::string last_run_json;
    std::filesystem::path folder;
};

/// The check of that id; nullptr, or the end of the test, when there is none.
[[nodiscard]] const Check* find_check(const RunOutcome& outcome, std::string_view id);
[[nodiscard]] const Check& check_of(const RunOutcome& outcome, std::string_view id);
/// The baseline serves again, and that was verified.
void check_rolled_back(const World& world, const RunOutcome& outcome);
/// Lets worlds die at one point after the other, each armed for its own, and checks what each
/// leaves; how many points there were.
int die_everywhere(
    bool failing,
    const std::function<void(World&)>& check,
    const std::function<void(World&, int point)>& arm
);

} // namespace oa_stream::playbook::testing
