// A turn that is asked of the authority itself, when the authority begins none, or goes silent.
#include "loop_rig.hpp"
#include "shadow/shadow_native.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>

using namespace oa_stream;
using namespace oa_stream::probe;
using oa_stream::test::LoopRig;

namespace {

struct Silent final : authority::Turn {
    [[nodiscard]] const std::string& thread_id() const noexcept override { return id; }
    [[nodiscard]] const std::string& turn_id() const noexcept override { return id; }
    [[nodiscard]] const std::string& model() const noexcept override { return id; }
    [[nodiscard]] Result<bool>
    poll(authority::EventBatch& /*out*/, authority::TurnWaker& /*waker*/) override {
        return false;
    }
    void interrupt() override {}
    std::string id = "silent";
};

/// Begins no turn, and says why; without a reason a turn that tells nothing.
class Refusing final : public authority::Authority {
public:
    explicit Refusing(std::optional<Code> why) : why_(why) {}

    [[nodiscard]] Task<Result<void>> open() override { co_return Result<void>{}; }
    [[nodiscard]] Task<void> close(Millis /*grace*/) override { co_return; }
    [[nodiscard]] Task<Result<std::unique_ptr<authority::Turn>>>
    start(authority::TurnRequest /*request*/) override {
        if (!why_) {
            co_return std::make_unique<Silent>();
        }
        co_return fail(*why_, "not now");
    }
    [[nodiscard]] Task<Result<std::vector<authority::PastTurn>>> turns(std::string /*thread*/
    ) override {
        co_return std::vector<authority::PastTurn>{};
    }
    [[nodiscard]] Task<Result<std::vector<authority::ThreadInfo>>>
    threads(std::vector<std::string> /*ids*/) override {
        co_return std::vector<authority::ThreadInfo>{};
    }
    [[nodiscard]] authority::Health health() const override { return {}; }
    [[nodiscard]] authority::Capabilities capabilities() const override { return {}; }

private:
    std::optional<Code> why_;
};

} // namespace

TEST_CASE("native turn: an authority that cannot be asked proves nothing, one that refuses does") {
    const auto [why, unreachable] = GENERATE(
        std::pair{Code::unavailable, true},
        std::pair{Code::timeout, true},
        std::pair{Code::usage, false},
        std::pair{Code::protocol, false}
    );
    LoopRig loop;
    Refusing authority(why);
    const NativeTurn turn = loop.run(ask_native(&authority, "hello", Millis(1000)));
    CAPTURE(turn.trouble);
    CHECK(turn.trouble.starts_with("the authority began no turn: "));
    CHECK(turn.trouble.contains("not now"));
    CHECK(turn.unreachable == unreachable);
    CHECK(turn.events.empty());
}

TEST_CASE("native turn: one that tells nothing is waited for until its limit") {
    LoopRig loop;
    Refusing authority(std::nullopt);
    const NativeTurn turn = loop.run(ask_native(&authority, "hello", Millis(30)));
    CHECK(turn.trouble == "the authority's turn took too long");
    CHECK(turn.events.empty());
}
