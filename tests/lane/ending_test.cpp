// A turn that a fault of ours has ended, while the store has not yet taken its end.
#include "oa_stream/encode/ui_encoder.hpp"

#include "lane_rig.hpp"
#include "shared/turn_journal.hpp"
#include "turns/heard.hpp"
#include "turns/live_turn.hpp"
#include "turns/slow_store.hpp"

using namespace oa_stream;
using namespace oa_stream::test;

namespace {

/// Has questions as the UI has them, and refuses every note.
class Refusing final : public encode::TurnEncoder {
public:
    void begin(std::string& out) override { out += "data: begin\n\n"; }
    [[nodiscard]] Result<void> encode(const turn::Event& event, std::string& out) override {
        if (std::holds_alternative<turn::Note>(event)) {
            return oa_stream::fail(Code::internal, "out of order");
        }
        out += "data: event\n\n";
        return {};
    }
    void fail_open(const turn::Failure& /*failure*/, std::string& out) override {
        out += "data: [DONE]\n\n";
        ended_ = true;
    }
    [[nodiscard]] Result<std::optional<Break>> pause(std::string& out) override {
        out += "data: [DONE]\n\ndata: begin\n\n";
        return Break{.finish = 0, .end = 14, .body = out.size()};
    }
    [[nodiscard]] bool ended() const noexcept override { return ended_; }
    [[nodiscard]] const encode::TurnSummary& summary() const noexcept override { return summary_; }

private:
    bool ended_ = false;
    encode::TurnSummary summary_{};
};

struct Ending {
    explicit Ending(std::unique_ptr<encode::TurnEncoder> encoder = std::make_unique<Refusing>()) {
        host->limits.approval = Millis(0);
        host->timings.approval_quiet = Millis(1);
        host->observer = &watcher;
        host->on_ended = [](const lane::TurnOutcome&) {};
        played->thread = "t";
        played->turn = "turn-1";
        played->answers_interrupt = false;
        lane::TurnStyle style;
        style.encoder = std::move(encoder);
        style.approvals = true;
        style.journal = journal;
        live = lane::LiveTurn::begin(
            {io.get_executor(),
             host,
             lane::TurnIdentity{},
             std::make_unique<FakeTurn>(played),
             std::move(style)}
        );
    }
    template <class Done> void until(Done done) {
        const auto deadline = Clock::now() + Millis(10'000);
        while (!done() && Clock::now() < deadline) {
            io.restart(); // a turn that waits is no work of the loop's
            io.run_one_for(Millis(50));
        }
        REQUIRE(done());
    }

    asio::io_context io{};
    Watcher watcher{};
    SlowStore store{io.get_executor()};
    std::shared_ptr<lane::TurnHost> host = std::make_shared<lane::TurnHost>();
    std::shared_ptr<PlayedTurn> played = std::make_shared<PlayedTurn>(io.get_executor());
    std::shared_ptr<lane::TurnJournal> journal = std::make_shared<lane::TurnJournal>(
        std::make_shared<lane::WritePace>(io.get_executor(), Millis(0)),
        store,
        store::ThreadKey{},
        1,
        "turn-1"
    );
    std::shared_ptr<lane::LiveTurn> live{};
};

} // namespace

TEST_CASE("a decision on a turn whose end is being stored is refused, and its time is over") {
    Ending turn;
    turn.played->ask("k1", "a1");
    turn.until([&] { return turn.live->waiting(); });
    turn.played->push(turn::Note{"n", std::nullopt, false, Json::object()});
    turn.until([&] { return turn.played->dropped; }); // nobody is left to be told a decision
    CHECK_FALSE(turn.live->ended());

    const auto told = turn.live->answer({lane::ApprovalAnswer{.id = "a1", .approved = true}});
    REQUIRE_FALSE(told);
    CHECK(told.error().status == 409);
    CHECK(turn.live->open_calls().empty());
    turn.live->tick(Clock::now() + Millis(1));
    CHECK(turn.played->decisions.empty());

    turn.store.gate.cancel();
    turn.until([&] { return turn.live->ended(); });
}

TEST_CASE("a decision on a turn whose log ends within its question was answered already") {
    Ending turn;
    const auto live = lane::LiveTurn::relay(
        {turn.io.get_executor(),
         turn.host,
         lane::TurnIdentity{},
         std::make_unique<FakeTurn>(turn.played),
         {}}
    );
    const std::string asked =
        R"(data: {"type":"tool-approval-request","approvalId":"a1","toolCallId":"k1"})";
    const std::string came = R"(data: {"type":"tool-output-available","toolCallId":"k1"})";
    live->relay(asked + "\n\n", false, false);
    live->relay(came + "\n\ndata: [DONE]\n\n", true, false);
    const auto told = live->answer({lane::ApprovalAnswer{.id = "a1", .approved = true}});
    REQUIRE_FALSE(told);
    CHECK(told.error().status == 409);
}

TEST_CASE("an end that a store which is away refuses at once is told behind the last words") {
    Ending turn(std::make_unique<encode::UiEncoder>(encode::UiEncoderOptions{}));
    turn.store.away = true;
    std::string heard;
    turn.live->attach(
        std::make_shared<Heard>(heard), Clock::now(), true, [](const lane::ReaderReport&) {}
    );
    turn.played->say("Hello");
    turn.until([&] { return heard.contains("Hello"); });
    turn.io.poll(); // the store has it
    turn.played->complete();
    turn.until([&] { return turn.live->ended(); });
    const auto end = heard.find("\"text-end\"");
    const auto finish = heard.find("\"finish\"");
    REQUIRE(end != std::string::npos);
    REQUIRE(finish != std::string::npos);
    CHECK(end < finish);
    CHECK(heard.ends_with("data: [DONE]\n\n(finished)"));
}

TEST_CASE("a turn that ends while it is let go is cut for its readers, who are told no end") {
    Ending turn(std::make_unique<encode::UiEncoder>(encode::UiEncoderOptions{}));
    std::string heard;
    turn.live->attach(
        std::make_shared<Heard>(heard), Clock::now(), true, [](const lane::ReaderReport&) {}
    );
    turn.played->say("Hello");
    turn.until([&] { return heard.contains("Hello"); });
    turn.store.holds_release = true;
    bool over = false;
    spawn(
        turn.io.get_executor(),
        "test",
        [](std::shared_ptr<lane::TurnJournal> journal, bool* done) -> Task<void> {
            (void)co_await lane::TurnJournal::release(journal, Millis(10'000));
            *done = true;
        }(turn.journal, &over)
    );
    turn.until([&] { return turn.store.released == 1; });
    turn.played->complete();
    turn.until([&] { return turn.live->ended(); });
    CHECK(heard.ends_with("(cut)"));
    CHECK_FALSE(heard.contains("turn_lost"));
    CHECK_FALSE(heard.contains("\"finish\""));
    CHECK(turn.live->gone());
    CHECK(turn.live->outcome()->elsewhere);
    CHECK_FALSE(over);
    turn.store.gate.cancel();
    turn.until([&] { return over; });
}

TEST_CASE("a turn that another lane takes ends with an error, also behind a question") {
    Ending turn(std::make_unique<encode::UiEncoder>(encode::UiEncoderOptions{.approvals = true}));
    turn.host->timings.approval_quiet = Millis(60'000); // the answer goes on
    std::string heard;
    turn.live->attach(
        std::make_shared<Heard>(heard), Clock::now(), true, [](const lane::ReaderReport&) {}
    );
    turn.played->ask("k1", "a1");
    turn.until([&] { return heard.contains("tool-approval-request"); });
    turn.live->lose_to_another();
    CHECK(heard.contains("turn_lost"));
    CHECK(heard.ends_with("data: [DONE]\n\n(finished)"));
}

TEST_CASE("a reader whose peer has left is sent nothing but the log, until it hears of it") {
    Ending turn(std::make_unique<encode::UiEncoder>(encode::UiEncoderOptions{}));
    std::string heard;
    const auto body = std::make_shared<Heard>(heard);
    turn.live->attach(body, Clock::now(), true, [](const lane::ReaderReport&) {});
    body->left = true;
    const auto begun = heard.size();
    turn.played->say(std::string(5'000, 'x')); // over blocks of the log
    turn.until([&] { return heard.size() > begun + 5'000; });
    const auto once = heard.substr(begun);
    turn.played->more("and more");
    turn.until([&] { return heard.size() > begun + once.size(); });
    const auto again = std::string_view(heard).substr(begun + once.size());
    CHECK(again.starts_with(once));
    CHECK(again.size() < once.size() + 200);
}

TEST_CASE("a turn that is left to others is given back to the store, once, and writes nothing more"
) {
    asio::io_context io;
    SlowStore store{io.get_executor()};
    const auto journal = std::make_shared<lane::TurnJournal>(
        std::make_shared<lane::WritePace>(io.get_executor(), Millis(0)),
        store,
        store::ThreadKey{},
        1,
        "turn-1"
    );
    journal->use = std::make_shared<int>(1);
    journal->leave();
    journal->leave();
    CHECK(journal->use == nullptr);
    std::optional<lane::TurnJournal::End> end;
    journal->end("data: [DONE]\n\n", "completed", [&](lane::TurnJournal::End how) { end = how; });
    io.run_for(Millis(100));
    CHECK(store.released == 1);
    CHECK(end == lane::TurnJournal::End::fenced);
}
