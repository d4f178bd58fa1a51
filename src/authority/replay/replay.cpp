#include "oa_stream/authority/replay.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/ids.hpp"

#include "replay_scenario.hpp"
#include "replay_turn.hpp"

#include <csignal>
#include <system_error>
#include <utility>

namespace oa_stream::authority {

namespace fs = std::filesystem;

namespace {

/// A faults file, read again when its time or size changes.
class FaultsFile {
public:
    explicit FaultsFile(fs::path path) : path_(std::move(path)) {}

    /// The faults in the file if it changed; no faults if it was removed. nullopt when nothing
    /// changed, and before the file exists.
    [[nodiscard]] std::optional<Result<ReplayFaults>> news() {
        std::error_code error;
        const auto time = path_.empty() ? fs::file_time_type{} : fs::last_write_time(path_, error);
        const auto size = path_.empty() || error ? 0 : fs::file_size(path_, error);
        if (seen_ && error == std::errc::no_such_file_or_directory) {
            seen_ = false;
            return ReplayFaults{};
        }
        if (path_.empty() || error || (seen_ && time == time_ && size == size_)) {
            return std::nullopt;
        }
        seen_ = true;
        time_ = time;
        size_ = size;
        OA_TRY(auto text, read_file(path_, 64U << 10U));
        return located(parse_faults(text), path_.string());
    }

private:
    fs::path path_;
    bool seen_ = false;
    fs::file_time_type time_{};
    std::uintmax_t size_ = 0;
};

class Replay final : public ReplayAuthority {
public:
    Replay(const asio::any_io_executor& executor, ReplayOptions options, ReplayLibrary library)
        : clock_(std::make_shared<ReplayClock>(executor)), options_(std::move(options)),
          library_(std::move(library)), threads_(options_.max_threads, options_.max_bytes),
          file_(options_.faults_file) {}

    /// Code::usage or Code::unreadable when the faults file is invalid at the start.
    [[nodiscard]] Result<void> read_faults_file() {
        if (auto news = file_.news()) {
            if (!*news) {
                return std::unexpected(std::move(*news).error());
            }
            set_faults(**news);
        }
        return {};
    }

    void set_faults(const ReplayFaults& faults) override {
        options_.faults = faults;
        since_set_ = 0;
    }
    [[nodiscard]] const ReplayFaults& faults() const noexcept override { return options_.faults; }

    [[nodiscard]] Task<Result<void>> open() override { co_return Result<void>{}; }
    [[nodiscard]] Task<void> close(Millis) override { co_return; }
    [[nodiscard]] Task<Result<std::unique_ptr<Turn>>> start(TurnRequest request) override {
        co_return begin(request);
    }
    [[nodiscard]] Task<Result<std::vector<PastTurn>>> turns(std::string thread) override {
        co_return threads_.turns(thread);
    }
    [[nodiscard]] Task<Result<std::vector<ThreadInfo>>> threads(std::vector<std::string> ids
    ) override {
        std::vector<ThreadInfo> out;
        for (const std::string& id : ids) {
            if (auto info = threads_.info(id)) {
                out.push_back(*std::move(info));
            }
        }
        co_return out;
    }
    [[nodiscard]] Task<Result<std::string>> make_thread(TurnRequest /*request*/) override {
        co_return threads_.add({});
    }
    [[nodiscard]] Task<Result<void>> name_thread(std::string thread, std::string title) override {
        co_return threads_.name(thread, std::move(title));
    }
    [[nodiscard]] Task<Result<void>> delete_thread(std::string thread) override {
        co_return threads_.erase(thread);
    }
    [[nodiscard]] Task<Result<std::string>>
    fork_thread(std::string thread, std::string last_turn) override {
        co_return threads_.fork(thread, last_turn);
    }
    [[nodiscard]] Health health() const override { return {.ready = true, .reason = problem_}; }
    [[nodiscard]] Capabilities capabilities() const override {
        return {
            .name = "replay",
            .version = "1",
            .can_revert = true,
            .can_seed = true,
            .instructions = true,
            .images = true
        };
    }
    [[nodiscard]] std::vector<Reading> readings() const override {
        return {{"replay_turns_total", "Turns played", static_cast<double>(number_)}};
    }

private:
    [[nodiscard]] Result<std::unique_ptr<Turn>> begin(const TurnRequest& request);
    [[nodiscard]] Result<std::string> thread_for(const TurnRequest& request);

    std::shared_ptr<ReplayClock> clock_;
    ReplayOptions options_;
    ReplayLibrary library_;
    ReplayThreads threads_;
    FaultsFile file_;
    std::string problem_{};
    std::uint64_t number_ = 0;
    std::uint64_t since_set_ = 0;
    std::shared_ptr<ReplayCounts> counts_ = std::make_shared<ReplayCounts>();
};

Result<std::string> Replay::thread_for(const TurnRequest& request) {
    if (request.ephemeral) {
        return uuid_v7();
    }
    if (!request.thread) {
        return threads_.add(request.seed);
    }
    if (threads_.busy(*request.thread)) {
        return fail(Code::conflict, "a turn is running on this thread");
    }
    if (request.revert_from_turn) {
        OA_CHECK(threads_.revert(*request.thread, *request.revert_from_turn));
    }
    threads_.ensure(*request.thread);
    return *request.thread;
}

Result<std::unique_ptr<Turn>> Replay::begin(const TurnRequest& request) {
    if (request.thread && (request.ephemeral || !request.seed.empty())) {
        return fail(Code::usage, "an existing thread can be neither seeded nor made ephemeral");
    }
    if (request.revert_from_turn && !request.thread) {
        return fail(Code::usage, "only an existing thread can be reverted");
    }
    if (request.input.empty()) {
        return fail(Code::usage, "a turn needs input");
    }
    const auto read = read_faults_file();
    // on an error the earlier faults stay in force
    problem_ = read ? std::string{} : read.error().text();
    const std::string prompt = text_in_input(request.input);
    const auto scenario = find_scenario(prompt);
    OA_TRY(
        Recording recording,
        scenario ? play_scenario(*scenario, request, *counts_) : library_.choose(prompt)
    );
    const TurnFate fate = fate_of(options_.faults, number_ + 1, since_set_ + 1);
    if (fate.refusal != TurnFate::Refusal::none) {
        ++number_;
        ++since_set_;
        return fate.refusal == TurnFate::Refusal::http
                   ? fail(Code::protocol, "refused by an injected fault")
                   : fail(Code::credentials, "refused by an injected fault", "client");
    }
    if (fate.forgets && request.thread && !threads_.busy(*request.thread)) {
        (void)threads_.erase(*request.thread);
    }
    OA_TRY(std::string thread, thread_for(request));

    auto turn = std::make_shared<ReplayedTurn>();
    turn->id = uuid_v7();
    turn->input = request.input;
    turn->client_message_id = request.client_message_id;
    turn->recording = std::move(recording);
    turn->bytes = sizeof *turn + bytes_of(turn->input);
    if (scenario) { // its text is part of the input
        turn->bytes += turn->recording->events.size() * sizeof(TimedEvent);
    }
    turn->started_at = unix_now();
    if (!request.ephemeral) {
        threads_.append(thread, turn);
    }
    ++number_;
    ++since_set_;
    ReplayPlan plan;
    plan.thread = std::move(thread);
    plan.model = turn->recording->model.empty() ? "replay" : turn->recording->model;
    plan.fate = fate;
    plan.turn = std::move(turn);
    // A scenario has its own times.
    plan.immediate = options_.pace.immediate && !scenario;
    plan.stretch = options_.faults.slow / (scenario ? 1.0 : options_.pace.factor);
    if (!scenario || scenario->counts()) {
        ++counts_->started;
        plan.counts = counts_;
    }
    plan.latency = options_.faults.latency;
    plan.gap = options_.faults.gap;
    plan.kill = options_.kill;
    return make_replay_turn(clock_, std::move(plan));
}

} // namespace

Result<std::unique_ptr<ReplayAuthority>>
make_replay_authority(const asio::any_io_executor& executor, ReplayOptions options) {
    if (!options.kill) {
        options.kill = [] { ::raise(SIGKILL); };
    }
    OA_TRY(ReplayLibrary library, ReplayLibrary::load(options.directory));
    auto replay = std::make_unique<Replay>(executor, std::move(options), std::move(library));
    OA_CHECK(replay->read_faults_file());
    return replay;
}

} // namespace oa_stream::authority
