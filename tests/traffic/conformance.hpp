// One suite for every traffic driver, written against the interface: what the engine relies on.
//
// A driver's test brings a Machinery, real or a strict fake, with two revisions "stable" and
// "canary" at 100/0, both ready, and hands it to check_conformance() within one TEST_CASE.
#pragma once

#include "oa_stream/traffic/driver.hpp"

#include "run_task.hpp"

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace oa_stream::traffic::testing {

/// What may be wrong with the machinery, until trouble(none).
enum class Trouble {
    none,
    gone,         ///< nobody there: no socket, nothing listens, no program
    silent,       ///< takes the call and never answers
    garbage,      ///< answers what is no answer
    half_answer,  ///< begins an answer and breaks off
    lost_answer,  ///< carries a write out, and its answer is lost
    lost_request, ///< loses a write before it is carried out, without a word
    denied,       ///< lets us read, perhaps, but not write
};

/// So many percent for the canary, the rest for stable.
[[nodiscard]] inline Split split(int canary) {
    return *Split::between("stable", "canary", canary);
}

class Machinery {
public:
    Machinery() = default;
    virtual ~Machinery() = default;
    Machinery(const Machinery&) = delete;
    Machinery& operator=(const Machinery&) = delete;

    [[nodiscard]] virtual asio::io_context& io() = 0;
    /// As another process would make it. Give it short time limits: several rules wait for them.
    [[nodiscard]] virtual std::unique_ptr<TrafficDriver> driver() = 0;

    // Never through a driver:
    /// Another operator gives the canary so many percent and stable the rest.
    virtual void operator_sets(int canary_percent) = 0;
    /// What the canary has been given.
    [[nodiscard]] virtual int canary_percent() = 0;
    /// The whole setting as text: equal texts, equal settings. Nothing that changes by itself.
    [[nodiscard]] virtual std::string setting() = 0;
    /// Writes that arrived, refused ones included.
    [[nodiscard]] virtual std::size_t writes() = 0;

    /// False only for what cannot befall this machinery; say why where you override it.
    [[nodiscard]] virtual bool knows(Trouble trouble) const;
    virtual void trouble(Trouble trouble) = 0;

    /// False: the machinery cannot tell.
    [[nodiscard]] virtual bool knows_readiness() const { return true; }
    virtual void canary_ready(bool ready) = 0;

    /// A setting whose split does not say it all (weights 40 to 10, a tag, a drained server); the
    /// canary's share is 20 % or less. False: there are none.
    [[nodiscard]] virtual bool odd_setting() { return false; }

    /// Writes are accepted and not carried out before hold(false). False: writes are at once.
    [[nodiscard]] virtual bool can_hold() const { return false; }
    virtual void hold(bool held) { static_cast<void>(held); }

    template <class T> T get(Task<T> task) { return test::run_task(io(), std::move(task)); }
    /// What the driver reads, which must be possible.
    [[nodiscard]] TrafficState state_of(TrafficDriver& driver);
    void run_until(const std::function<bool()>& ready) { test::run_until(io(), ready); }
};

using MakeMachinery = std::function<std::unique_ptr<Machinery>()>;

/// All rules, each with a machinery of its own, as sections of the running test case.
void check_conformance(const MakeMachinery& make);

} // namespace oa_stream::traffic::testing
