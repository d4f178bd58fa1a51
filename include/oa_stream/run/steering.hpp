// A second operator's orders to an active run, and its answers. The engine looks at it
// between and within its steps; the run's control socket (run/control.hpp) passes orders on.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/run/run_loop.hpp"

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::run {

enum class Action {
    pause,   ///< take no further step
    go_on,   ///< end the pause; what could not be decided is measured once more
    promote, ///< go to the next stage now, without waiting for a judgement
    abort,   ///< roll back now, as a signal does
};
inline constexpr std::array<std::string_view, 4> k_action_words{
    "pause", "continue", "promote", "abort"
};
[[nodiscard]] std::string_view to_string(Action action) noexcept;

struct Order {
    Action action = Action::pause;
    std::string who{}; ///< "alice", and the account that asked when that is another
    std::string reason{}; ///< may be empty

    [[nodiscard]] std::string text() const; ///< "paused by alice: reason"
};

/// Where a run is.
struct RunPosition {
    std::string step{};  ///< "shift@25%"; empty: not begun
    std::string stage{}; ///< "25%" while one is under way
    bool paused = false;
    std::string why{};   ///< why it is paused
    double left_s = 0;   ///< until the pause ends by itself
    std::string not_pausable{}; ///< why the run cannot be paused; empty: it can
    std::string not_promotable{}; ///< why the stage cannot be promoted; empty: it can
};

/// Lives on the run's thread.
class Steering {
public:
    using OnOrder = std::function<void(const Order&, const RunPosition&)>;

    explicit Steering(StopRequest& stop) : stop_(stop) {}

    // The operator's side
    // ----------------------------------------------------------------------------------------

    /// Code::precondition when the run is not where that makes sense.
    [[nodiscard]] Result<void> give(const Order& order);
    [[nodiscard]] const RunPosition& position() const noexcept { return position_; }
    /// State, step, stage, why and time left, and whether a pause was asked for.
    [[nodiscard]] Json status() const;

    // The engine's side
    // ------------------------------------------------------------------------------------------

    /// Called with each order that was taken.
    void on_order(OnOrder what) { on_order_ = std::move(what); }
    void at_step(std::string step);
    void in_stage(std::string stage); ///< empty: out of it
    void forbid_promotion(std::string why) { position_.not_promotable = std::move(why); }
    /// For the whole run. A pause that was asked for already is forgotten.
    void forbid_pause(std::string why);
    /// From here on every order is refused: it could not be obeyed. One to abort ends what is left.
    void over(std::string why) { over_ = std::move(why); }
    void paused(std::string why);
    void pause_left(double seconds) noexcept { position_.left_s = seconds; }
    void unpaused();
    [[nodiscard]] const std::optional<Order>& pause_asked() const noexcept { return pause_; }
    /// The order to go on or to promote, once.
    [[nodiscard]] std::optional<Order> take_order();
    /// The same, only if it is to promote.
    [[nodiscard]] std::optional<Order> take_promotion();
    [[nodiscard]] const std::vector<Order>& orders() const noexcept { return orders_; }

private:
    [[nodiscard]] Result<void> check(Action action) const;

    StopRequest& stop_;
    RunPosition position_{};
    std::string over_{}; ///< why no order makes sense; empty: some do
    std::optional<Order> pause_{};
    std::optional<Order> order_{};
    std::vector<Order> orders_{};
    OnOrder on_order_{};
};

} // namespace oa_stream::run
