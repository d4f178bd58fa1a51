// A turn that is asked of the authority itself, when the authority begins none.
#include "loop_rig.hpp"
#include "shadow/shadow_native.hpp"

#include <catch2/catch.hpp>

#include <utility>

using namespace oa_stream;
using namespace oa_stream::probe;
using oa_stream::test::LoopRig;

namespace {

/// Begins no turn, and says why.
class Refusing final : public authority::Authority {
public:
    explicit Refusing(Code why) : why_(why) {}

    [[nodiscard]] Task<Result<void>> open() override { co_return Result<void>{}; }
    [[nodiscard]] Task<void> close(Millis /*grace*/) override { co_return; }
    [[nodiscard]] Task<Result<std::unique_ptr<authority::Turn>>>
    start(authority::TurnRequest /*request*/) override {
        co_return fail(why_, "not now");
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
    Code why_;
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
