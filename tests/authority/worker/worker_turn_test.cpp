// A worker's turn between its request and its receipt.
#include "worker/worker_turn.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <utility>
#include <variant>

using namespace oa_stream;
using namespace oa_stream::authority;

namespace {

struct SilentWaker final : TurnWaker {
    void turn_ready() override {}
};

WorkerEvent heard(std::uint64_t seq, std::string method, std::string_view params) {
    WorkerEvent out;
    out.seq = seq;
    out.method = std::move(method);
    out.payload = Json::object({{"params", *parse_json(params)}});
    out.bytes = 100;
    return out;
}

WorkerEvent heard_word(std::uint64_t seq) {
    return heard(
        seq,
        "item/agentMessage/delta",
        R"({"thread_id":"t","turn_id":"u","item_id":"m","delta":"x"})"
    );
}

struct EarlyTurn {
    explicit EarlyTurn(std::size_t bytes) {
        turn->deliver(heard(1, "turn/started", R"({"thread_id":"t","turn_id":"u"})"), Clock::now());
        for (std::uint64_t seq = 2; seq <= 10'000; ++seq) {
            auto event = heard_word(seq);
            event.bytes = bytes;
            turn->deliver(event, Clock::now());
        }
    }
    /// What the turn told; a text is joined.
    turn::Event last() {
        EventBatch all;
        EventBatch out;
        while (turn->poll(out, waker).value_or(false)) {
            for (auto& event : std::exchange(out, {})) {
                const auto* delta = std::get_if<turn::PartDelta>(&event);
                said += delta == nullptr ? 0 : delta->text.size();
                all.push_back(std::move(event));
            }
            if (std::holds_alternative<turn::TurnEnded>(all.back())) {
                break;
            }
        }
        REQUIRE_FALSE(all.empty());
        return all.back();
    }

    asio::io_context context{};
    WorkerOptions options{};
    SilentWaker waker{};
    std::size_t said = 0;
    std::shared_ptr<WorkerTurn> turn = std::make_shared<WorkerTurn>(
        context.get_executor(), options, WorkerTurn::Begin{.thread = "t", .request = "r"}
    );
};

} // namespace

TEST_CASE("worker turn: what comes before the receipt is told behind it") {
    EarlyTurn stage(100);
    stage.turn->accept("u");
    (void)stage.last();
    CHECK(stage.said == 9'999);
    CHECK_FALSE(stage.turn->over());
}

TEST_CASE("worker turn: one of which too much comes before the receipt ends, and says so") {
    EarlyTurn stage(GENERATE(std::size_t{100}, std::size_t{8'192}));
    stage.turn->deliver(heard_word(10'001), Clock::now());
    CHECK(stage.turn->early_turn() == "u");
    stage.turn->accept("u");
    const auto end = stage.last();
    const auto* ended = std::get_if<turn::TurnEnded>(&end);
    REQUIRE(ended != nullptr);
    CHECK(ended->failure->code == turn::FailureCode::stale_cursor);
    CHECK(ended->failure->retryable);
    CHECK(stage.said == 0);
}
