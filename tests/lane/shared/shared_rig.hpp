// A lane among others: a played store says what they do, a played authority runs the turns.
#pragma once

#include "oa_stream/encode/ui_encoder.hpp"

#include "../../support/loop_rig.hpp"
#include "../lane_rig.hpp"
#include "../turns/slow_store.hpp"
#include "shared/shared_lane.hpp"
#include "state.hpp"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::test {

/// Has what the test puts into it, and notes what the lane asks of it.
class PlayedStore final : public SlowStore {
public:
    explicit PlayedStore(const asio::any_io_executor& executor)
        : SlowStore(executor), news_(executor, Clock::time_point::max()) {}

    const store::StoreOptions& options() const noexcept override { return settings; }
    Task<Result<store::ThreadState>> look(store::ThreadKey key) override {
        ++looks;
        co_return states[key.id];
    }
    Task<Result<store::Log>> read(std::string turn) override {
        ++reads;
        if (late) {
            (void)co_await asio::post(asio::use_awaitable);
        }
        co_return logs[turn];
    }
    Task<Result<std::optional<std::uint64_t>>> adopt(store::TakeRequest take) override {
        adopted.push_back(take);
        co_return adopt_answer;
    }
    Task<Result<bool>>
    reap(store::TakeRequest take, std::string bytes, std::string outcome) override {
        reaped.push_back({std::move(take), std::move(bytes), std::move(outcome)});
        co_return true;
    }
    /// All have changed, and afterwards none.
    Task<Result<store::RowChanges>> changes_of(std::string, std::string at) override {
        co_return store::RowChanges{.at = "1-0", .all = at.empty()};
    }
    Task<Result<std::vector<std::string>>> ids_of(std::string) override {
        ++lists;
        (void)co_await asio::post(asio::use_awaitable);
        co_return listed;
    }
    Task<Result<std::vector<std::optional<store::ThreadFields>>>>
    rows_of(std::string, std::vector<std::string> ids) override {
        (void)co_await asio::post(asio::use_awaitable);
        std::vector<std::optional<store::ThreadFields>> out;
        for (const auto& id : ids) {
            store::ThreadFields fields{.thread = "auth-" + id};
            fields.updated_at = 1 + static_cast<std::int64_t>(std::hash<std::string>{}(id) >> 40U);
            out.emplace_back(std::move(fields));
        }
        co_return out;
    }
    void append(const store::Piece& piece, Sent, Answered done) override {
        asio::post(
            gate.get_executor(),
            [done = std::move(done), with = appended, end = piece.end, size = piece.bytes.size()](
            ) mutable { done(std::move(with), end, size); }
        );
    }
    Task<Result<store::Written>> end(store::EndRequest request) override {
        ended.push_back(std::move(request));
        if (away) {
            co_return fail(Code::unavailable, "the store is away");
        }
        co_return store::Written::stored;
    }
    Task<Result<bool>> want(store::ThreadKey key, std::uint64_t fence, std::string what) override {
        wanted.push_back({std::move(key), fence, std::move(what)});
        co_return true;
    }
    Task<Result<bool>> pass(store::ThreadKey, store::Wanted what) override {
        passed.push_back(std::move(what));
        co_return passes;
    }
    Task<Result<void>> stop_done(store::ThreadKey key, std::uint64_t) override {
        stopped.push_back(std::move(key));
        co_return Result<void>{};
    }
    Task<Result<std::size_t>> readers(std::string) override { co_return readers_elsewhere; }
    void tell_readers(const std::string&, std::size_t) override {}
    Task<Result<void>> touch(store::ThreadKey, std::int64_t) override { co_return Result<void>{}; }
    /// As scripted, and then the last answer for ever.
    Task<Result<store::Acquired>> acquire(store::AcquireRequest request) override {
        acquires.push_back(std::move(request));
        auto answer = acquire_answers.at(0);
        if (acquire_answers.size() > 1) {
            acquire_answers.erase(acquire_answers.begin());
        }
        co_return answer;
    }
    Task<Result<store::Acquired::Kind>> take_place(store::AcquireRequest request) override {
        acquires.push_back(std::move(request));
        OA_CO_TRY(const auto got, acquire_answers.at(0));
        co_return got.kind;
    }
    void give_place(const std::string& owner) override { places_given.push_back(owner); }
    Task<Result<void>> forget(store::ThreadKey, std::uint64_t fence) override {
        if (away) {
            co_return fail(Code::unavailable, "the store is away");
        }
        forgotten.push_back(fence);
        co_return Result<void>{};
    }
    Task<Result<std::uint64_t>>
    put(store::ThreadKey key, store::ThreadFields fields, std::uint64_t fence) override {
        put_rows.emplace_back(key.id, fields.thread);
        row_fences.push_back(fence);
        co_return version;
    }
    Task<Result<std::uint64_t>>
    erase(store::ThreadKey key, std::uint64_t fence, std::string thread) override {
        if (key.id == unerasable) {
            co_return fail(Code::unavailable, "the store is away");
        }
        const auto& fields = states[key.id].fields;
        if (!thread.empty() && (!fields || fields->thread != thread)) {
            co_return fail(Code::conflict, "it names another thread");
        }
        erased.push_back(key.id);
        row_fences.push_back(fence);
        co_return version;
    }
    Task<Result<void>> tell_deleted(std::vector<std::string> threads) override {
        if (unreported > 0) {
            --unreported;
            co_return fail(Code::unavailable, "the store is away");
        }
        deleted = std::move(threads);
        co_return Result<void>{};
    }
    Task<Result<std::uint64_t>> change(store::ThreadKey, store::RowChange) override {
        ++changes;
        co_return changes > unchanged ? version : 0;
    }
    Task<Result<void>> offer(std::vector<store::OfferedRow> rows) override {
        (void)co_await asio::post(asio::use_awaitable);
        if (away) {
            co_return fail(Code::unavailable, "the store is away");
        }
        pages.push_back(rows.size());
        std::ranges::move(rows, std::back_inserter(offers));
        co_return Result<void>{};
    }
    void offered() override { ++all_offered; }
    void answer(const store::Wanted&, std::string body) override {
        answers.push_back(std::move(body));
    }
    Task<Result<std::vector<store::ThreadKey>>> held() override { co_return held_rows; }
    Task<Result<std::vector<store::ThreadKey>>> orphans() override { co_return left_rows; }
    Task<Result<void>> release(store::ThreadKey, std::uint64_t fence) override {
        releases.push_back(fence);
        co_return Result<void>{};
    }
    Task<Result<bool>>
    hold_again(store::ThreadKey, std::uint64_t fence, std::string, store::KeyRequest use) override {
        holds.push_back(fence);
        held_uses.push_back(std::move(use));
        co_return held_again;
    }
    store::StoreNumbers numbers() const override { return counted; }
    bool leased() const noexcept override { return lease; }
    std::string trouble() const override { return away ? "the store is away" : ""; }
    /// The first follower is told all; the others wait for ever.
    Task<Result<std::vector<store::TailNews>>>
    follow(std::vector<store::Tail>, std::size_t follower) override {
        followers.push_back(follower);
        while (follower > 0 || news.empty()) {
            (void)co_await news_.async_wait(asio::as_tuple(asio::use_awaitable));
        }
        co_return std::exchange(news, {});
    }
    void tell(const std::string& turn, store::LogEntry entry) {
        news.push_back({turn, {std::move(entry)}});
        news_.cancel();
    }

    struct Reaped {
        store::TakeRequest take;
        std::string bytes, outcome;
    };
    struct Want {
        store::ThreadKey key;
        std::uint64_t fence;
        std::string reason;
    };
    store::StoreOptions settings{};
    std::map<std::string, store::ThreadState> states{}; ///< by the client's thread id
    std::map<std::string, store::Log> logs{}; ///< by turn
    std::optional<std::uint64_t> adopt_answer = 4; ///< a fence; nullopt: somebody else decided
    std::vector<store::TakeRequest> adopted{};
    std::vector<Reaped> reaped{};
    Result<store::Written> appended = store::Written::stored; ///< what each piece is answered
    std::vector<store::EndRequest> ended{};
    std::vector<Want> wanted{};
    std::vector<store::Wanted> passed{};
    bool passes = true; ///< … to a lane that runs it
    std::vector<store::ThreadKey> stopped{};
    std::vector<store::TailNews> news{};
    std::vector<std::size_t> followers{}; ///< that asked
    std::size_t readers_elsewhere = 0;
    std::vector<Result<store::Acquired>> acquire_answers{store::Acquired{}};
    std::vector<store::AcquireRequest> acquires{};
    std::vector<std::string> places_given{};
    std::vector<std::uint64_t> forgotten{}; ///< fences
    std::vector<std::pair<std::string, std::string>> put_rows{}; ///< ids and the authority's
    std::vector<std::string> erased{}; ///< ids
    std::vector<std::string> deleted{}; ///< threads, as the others were told
    int unreported = 0; ///< so many tellings, the first ones, fail
    std::string unerasable{}; ///< of a row: the store does not answer
    std::vector<std::uint64_t> row_fences{}; ///< of both
    int changes = 0; ///< of rows
    int unchanged = 0; ///< so many of them, the first ones, find no row
    std::uint64_t version = 7; ///< of a row after each change
    std::vector<store::OfferedRow> offers{};
    std::vector<std::size_t> pages{}; ///< their sizes, one after the other
    int all_offered = 0;
    std::vector<std::string> answers{};
    std::vector<store::ThreadKey> held_rows{}; ///< as the store has this lane's
    std::vector<store::ThreadKey> left_rows{}; ///< … and those of dead ones
    std::vector<std::uint64_t> releases{}; ///< fences
    std::vector<std::uint64_t> holds{}; ///< fences
    std::vector<store::KeyRequest> held_uses{}; ///< … and the keys of their turns
    bool held_again = true;
    bool lease = true; ///< nobody else can have what is held here
    store::StoreNumbers counted{};
    std::vector<std::string> listed{}; ///< ids of an owner's rows
    int lists = 0;
    int looks = 0;
    int reads = 0;
    bool late = false; ///< it answers read() after others have asked, too

private:
    asio::steady_timer news_;
};

inline constexpr std::uint64_t k_their_fence = 3;

/// The frames of an answer; the encoder's state allows more.
struct Said {
    explicit Said(const std::string& turn)
        : encoder({.thread = "c", .message_id = turn, .turn = turn, .model = "m"}) {
        encoder.begin(frames);
    }
    Said& say(const turn::Event& event) {
        REQUIRE(encoder.encode(event, frames));
        return *this;
    }
    Said& text(std::string text) {
        return say(turn::PartOpened{"m1", turn::PartKind::text})
            .say(turn::PartDelta{"m1", std::move(text)});
    }
    Said& complete(std::optional<turn::Usage> usage = {}) {
        say(turn::PartClosed{"m1"});
        return say(turn::TurnEnded{turn::Outcome::completed, turn::Finish::stop, {}, usage});
    }
    encode::UiEncoder encoder;
    std::string frames{};
};

/// Of the turn "t1", which goes on.
inline const std::string& begun() {
    static const std::string frames = Said("t1").text("Hello").frames;
    return frames;
}

/// The thread "c" of nobody in particular, "auth-c" at the authority, with the turn "t1".
class SharedRig : public LoopRig {
public:
    explicit SharedRig(lane::LaneConfig config = LaneRig::quick()) {
        authority.able.outlives = true;
        ids = lane::IdMap::open(context.get_executor(), {}).value();
        lane::LaneParts parts;
        parts.authority = &authority;
        parts.ids = ids.get();
        parts.store = &store;
        parts.observer = &watcher;
        lane = std::make_unique<lane::LaneState>(context.get_executor(), std::move(config), parts);
        lane->host->on_ended = [this](const lane::TurnOutcome& outcome) {
            lane->turns.turn_ended(outcome.owner);
        };
        lane->shared = std::make_unique<lane::SharedLane>(*lane, store);
    }
    ~SharedRig() { lane->shared->stop(); }
    SharedRig(const SharedRig&) = delete;
    SharedRig& operator=(const SharedRig&) = delete;

    [[nodiscard]] lane::SharedLane& shared() const { return *lane->shared; }
    [[nodiscard]] store::Holding& holding() { return store.states["c"].holding; }

    /// Another lane has the turn, alive or dead, and has said this.
    void theirs(bool alive, const std::string& frames, store::Phase phase = store::Phase::live) {
        auto& state = store.states["c"];
        state.fields = store::ThreadFields{.thread = "auth-c"};
        state.has_log = true;
        state.holding = {.session = "other", .alive = alive, .phase = phase};
        state.holding.fence = k_their_fence;
        state.holding.turn = "t1";
        store.logs["t1"].entries = {entry(frames, 0, phase == store::Phase::ended)};
    }
    [[nodiscard]] static store::LogEntry
    entry(const std::string& frames, std::uint64_t begin, bool last = false) {
        return {
            .fence = k_their_fence,
            .end = begin + frames.size(),
            .head = begin == 0 ? lane::head_text({.model = "m"}) : std::string(),
            .bytes = frames,
            .outcome = last ? R"({"outcome":"completed"})" : ""
        };
    }
    /// The authority runs it still.
    std::shared_ptr<PlayedTurn> runs() {
        const auto played = std::make_shared<PlayedTurn>(context.get_executor());
        played->thread = "auth-c";
        played->turn = "t1";
        authority.running["auth-c"] = played;
        return played;
    }

    /// False: its authority does not answer.
    bool settle() { return run(shared().settle({"", "c"})); }
    using Found = lane::Accepted<std::shared_ptr<lane::LiveTurn>>;
    Found find(lane::FoundFor purpose = lane::FoundFor::reading) {
        return run(shared().find("", "c", [] { return false; }, purpose));
    }
    /// The turn that runs here.
    [[nodiscard]] std::shared_ptr<lane::LiveTurn> own() const { return lane->turns.find("", "c"); }

    FakeAuthority authority{context.get_executor()};
    Watcher watcher{};
    std::unique_ptr<lane::IdMap> ids{};
    PlayedStore store{context.get_executor()};
    std::unique_ptr<lane::LaneState> lane{};
};

} // namespace oa_stream::test
