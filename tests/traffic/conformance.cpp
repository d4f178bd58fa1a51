#include "conformance.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

namespace oa_stream::traffic::testing {
namespace {

constexpr Millis k_verify{5000};
constexpr Millis k_slack{5000}; // of a loaded machine, on top of what a driver promises

/// A machinery and a driver that has read it.
struct Bench {
    explicit Bench(const MakeMachinery& make) : machinery(make()), driver(machinery->driver()) {}

    TrafficState read() { return machinery->state_of(*driver); }
    Result<void> set(int canary, std::string etag) {
        return machinery->get(driver->set(split(canary), std::move(etag)));
    }
    /// Writes with the current etag and waits until it serves.
    TrafficState shift(int canary) {
        const auto written = set(canary, read().etag);
        INFO((written ? "" : written.error().text()));
        REQUIRE(written.has_value());
        auto seen = machinery->get(driver->verify(split(canary), k_verify));
        INFO((seen ? "" : seen.error().text()));
        REQUIRE(seen.has_value());
        return *std::move(seen);
    }
    std::unique_ptr<Machinery> machinery;
    std::unique_ptr<TrafficDriver> driver;
};

template <class T> void check_refused(const Result<T>& result, Code code, std::string_view names) {
    REQUIRE_FALSE(result.has_value());
    INFO(result.error().text());
    CHECK(to_string(result.error().code) == to_string(code));
    CHECK(result.error().text().find(names) != std::string::npos);
}

/// Within patience(), however the machinery behaves.
template <class T> Result<T> patiently(Bench& bench, Task<Result<T>> call) {
    const auto began = Clock::now();
    auto result = bench.machinery->get(std::move(call));
    CHECK(Clock::now() - began < bench.driver->patience() + k_slack);
    return result;
}

// ------------------------------------------------------------------------------------ reading

void names_its_target(Bench& bench) {
    const auto other = bench.machinery->driver();
    CHECK_FALSE(bench.driver->kind().empty());
    CHECK(bench.driver->kind() == other->kind());
    CHECK(bench.driver->target() == other->target());
    CHECK(bench.driver->target().find(bench.driver->kind()) != std::string::npos);
    CHECK(bench.driver->patience() > Millis(0));
}

void reads_without_writing(Bench& bench) {
    const TrafficState first = bench.read();
    CHECK(first.serving == split(0));
    CHECK(first.wanted == first.serving);
    CHECK(first.settled);
    CHECK_FALSE(first.etag.empty());
    CHECK(first.extra.is_object());
    const TrafficState second = bench.read();
    CHECK(second.etag == first.etag);
    CHECK(second.exact == first.exact);
    CHECK(bench.machinery->writes() == 0);
}

void two_processes_read_the_same(Bench& bench) {
    const TrafficState mine = bench.read();
    const auto other = bench.machinery->driver();
    const auto theirs = bench.machinery->get(other->read());
    REQUIRE(theirs.has_value());
    CHECK(theirs->etag == mine.etag);
    CHECK(theirs->exact == mine.exact);
    CHECK(theirs->serving == mine.serving);
}

void gives_addresses(Bench& bench) {
    (void)bench.read();
    const auto stable = bench.driver->address("stable");
    const auto canary = bench.driver->address("canary");
    REQUIRE(stable.has_value());
    REQUIRE(canary.has_value());
    for (const ArmAddress& arm : {*stable, *canary}) {
        CHECK(arm.base_url.starts_with("http"));
        CHECK_FALSE(arm.base_url.ends_with('/'));
    }
    const bool same_door = stable->base_url == canary->base_url;
    CHECK((!same_door || stable->headers != canary->headers));
    check_refused(bench.driver->address("nobody"), Code::not_found, "nobody");
}

// ------------------------------------------------------------------------------------ preview

void previews_without_writing(Bench& bench) {
    const std::string before = bench.machinery->setting();
    for (const int percent : {0, 5, 100}) {
        const auto possible = bench.machinery->get(bench.driver->preview(split(percent)));
        INFO(percent << "% " << (possible ? "" : possible.error().text()));
        CHECK(possible.has_value());
    }
    CHECK(bench.machinery->writes() == 0);
    CHECK(bench.machinery->setting() == before);
}

void refuses_an_unknown_revision(Bench& bench) {
    const Split unknown = *Split::between("stable", "nobody", 5);
    check_refused(
        bench.machinery->get(bench.driver->preview(unknown)), Code::precondition, "nobody"
    );
    const std::string before = bench.machinery->setting();
    check_refused(
        bench.machinery->get(bench.driver->set(unknown, bench.read().etag)),
        Code::precondition,
        "nobody"
    );
    CHECK(bench.machinery->setting() == before);
}

void gives_no_share_to_one_that_is_not_ready(Bench& bench) {
    if (!bench.machinery->knows_readiness()) {
        return;
    }
    bench.machinery->canary_ready(false);
    const auto refused = [&] { return bench.machinery->get(bench.driver->preview(split(5))); };
    bench.machinery->run_until([&] { return !refused().has_value(); });
    check_refused(refused(), Code::precondition, "canary");
    CHECK(bench.machinery->get(bench.driver->preview(split(0))).has_value());
    const std::string before = bench.machinery->setting();
    check_refused(bench.set(5, bench.read().etag), Code::precondition, "canary");
    CHECK(bench.machinery->setting() == before);
    bench.machinery->canary_ready(true);
    bench.machinery->run_until([&] { return refused().has_value(); });
    CHECK(bench.shift(5).serving == split(5));
}

void takes_the_share_of_one_that_is_not_ready(Bench& bench) {
    if (!bench.machinery->knows_readiness()) {
        return;
    }
    bench.shift(25);
    bench.machinery->canary_ready(false);
    const auto state = bench.read();
    REQUIRE(bench.set(0, state.etag).has_value());
    CHECK(bench.machinery->canary_percent() == 0);
    CHECK(bench.machinery->get(bench.driver->verify(split(0), k_verify)).has_value());
}

// ------------------------------------------------------------------------------------ writing

void sets_what_it_is_told(Bench& bench) {
    for (const int percent : {1, 5, 25, 50, 99, 100, 0}) {
        INFO(percent << "%");
        const std::string before = bench.read().etag;
        const TrafficState seen = bench.shift(percent);
        CHECK(seen.serving == split(percent));
        CHECK(seen.wanted == seen.serving);
        CHECK(seen.settled);
        CHECK(seen.etag != before);
        CHECK(bench.machinery->canary_percent() == percent);
    }
}

void sets_twice_what_serves(Bench& bench) {
    bench.shift(25);
    bench.shift(25);
    CHECK(bench.machinery->canary_percent() == 25);
}

void conflicts_with_an_outdated_etag(Bench& bench) {
    const std::string old = bench.read().etag;
    bench.shift(25);
    const std::string before = bench.machinery->setting();
    check_refused(bench.set(100, old), Code::conflict, "");
    CHECK(bench.machinery->setting() == before);
}

void sees_another_operator(Bench& bench) {
    const TrafficState state = bench.read();
    bench.machinery->operator_sets(40);
    check_refused(bench.set(5, state.etag), Code::conflict, "");
    CHECK(bench.machinery->canary_percent() == 40);
    const TrafficState now = bench.read();
    CHECK(now.serving == split(40));
    CHECK(now.etag != state.etag);
    CHECK(bench.shift(0).serving == split(0));
}

void restores_exactly(Bench& bench) {
    const bool odd = bench.machinery->odd_setting();
    const TrafficState baseline = bench.read();
    const std::string setting = bench.machinery->setting();
    REQUIRE((!odd || !baseline.exact.is_null()));
    bench.shift(25);
    bench.shift(50);
    CHECK(bench.machinery->setting() != setting);
    // From the journal: another process, and JSON that went through text.
    const Json kept = *parse_json(dump_json(baseline.exact));
    const auto other = bench.machinery->driver();
    const auto restored =
        bench.machinery->get(other->restore(baseline.serving, kept, bench.read().etag));
    INFO((restored ? "" : restored.error().text()));
    REQUIRE(restored.has_value());
    const auto seen = bench.machinery->get(other->verify(baseline.serving, k_verify));
    REQUIRE(seen.has_value());
    CHECK(seen->exact == baseline.exact);
    CHECK(bench.machinery->setting() == setting);
}

void restores_only_what_it_has_read(Bench& bench) {
    const TrafficState baseline = bench.read();
    bench.shift(25);
    const std::string old = bench.read().etag;
    bench.shift(50);
    check_refused(
        bench.machinery->get(bench.driver->restore(baseline.serving, baseline.exact, old)),
        Code::conflict,
        ""
    );
    CHECK(bench.machinery->canary_percent() == 50);
}

// ------------------------------------------------------------------------------------ verifying

void verifies_with_what_it_saw_instead(Bench& bench) {
    bench.shift(25);
    const auto began = Clock::now();
    const auto seen = bench.machinery->get(bench.driver->verify(split(50), Millis(200)));
    check_refused(seen, Code::timeout, "canary 25%");
    CHECK(Clock::now() - began < Millis(200) + bench.driver->patience() + k_slack);
}

void verifies_what_comes_late(Bench& bench) {
    std::optional<Result<TrafficState>> seen;
    asio::co_spawn(
        bench.machinery->io(),
        bench.driver->verify(split(40), k_verify),
        [&](std::exception_ptr, Result<TrafficState> result) { seen = std::move(result); }
    );
    int turns = 0;
    bench.machinery->run_until([&] { return ++turns > 3; });
    CHECK_FALSE(seen.has_value());
    bench.machinery->operator_sets(40);
    bench.machinery->run_until([&] { return seen.has_value(); });
    CHECK((*seen)->serving == split(40));
}

void does_not_settle_before_it_is_carried_out(Bench& bench) {
    if (!bench.machinery->can_hold()) {
        return;
    }
    const std::string etag = bench.read().etag;
    bench.machinery->hold(true);
    (void)bench.set(25, etag);
    const TrafficState meanwhile = bench.read();
    CHECK_FALSE(meanwhile.settled);
    CHECK(meanwhile.serving == split(0));
    check_refused(
        bench.machinery->get(bench.driver->verify(split(25), Millis(200))), Code::timeout, ""
    );
    bench.machinery->hold(false);
    const auto seen = bench.machinery->get(bench.driver->verify(split(25), k_verify));
    REQUIRE(seen.has_value());
    CHECK(seen->settled);
}

// ------------------------------------------------------------------------------------ trouble

void read_fails(Bench& bench, Trouble trouble, std::initializer_list<Code> codes) {
    if (!bench.machinery->knows(trouble)) {
        return;
    }
    bench.machinery->trouble(trouble);
    const auto state = patiently(bench, bench.driver->read());
    REQUIRE_FALSE(state.has_value());
    INFO(state.error().text());
    CHECK(std::ranges::find(codes, state.error().code) != codes.end());
    CHECK(state.error().message.find('\n') == std::string::npos);
    // Nothing can be promised, and nothing is written blindly.
    CHECK_FALSE(patiently(bench, bench.driver->preview(split(5))).has_value());
    bench.machinery->trouble(Trouble::none);
    CHECK(bench.read().serving == split(0));
    CHECK(bench.machinery->canary_percent() == 0);
}

void is_gone(Bench& bench) {
    read_fails(bench, Trouble::gone, {Code::unavailable, Code::network});
}
void is_silent(Bench& bench) {
    read_fails(bench, Trouble::silent, {Code::timeout});
}
void speaks_garbage(Bench& bench) {
    read_fails(bench, Trouble::garbage, {Code::protocol});
}
void breaks_off(Bench& bench) {
    read_fails(bench, Trouble::half_answer, {Code::protocol, Code::network});
}

/// What is said of a write of 25 % that must fail by that trouble.
Error failed_write(Bench& bench, Trouble trouble, const std::string& etag) {
    bench.machinery->trouble(trouble);
    const auto written = patiently(bench, bench.driver->set(split(25), etag));
    bench.machinery->trouble(Trouble::none);
    REQUIRE_FALSE(written.has_value());
    return written.error();
}

/// However a write fails, the error says whether it may have happened, and a later read tells.
void tells_what_may_have_happened(Bench& bench, Trouble trouble) {
    if (!bench.machinery->knows(trouble)) {
        return;
    }
    const std::string etag = bench.read().etag;
    const Error error = failed_write(bench, trouble, etag);
    INFO(error.text());
    const int now = bench.machinery->canary_percent();
    CHECK((now == 0 || is_ambiguous(error)));
    const TrafficState state = bench.read();
    CHECK(state.serving == split(now));
    CHECK((state.etag == etag) == (now == 0));
    CHECK(bench.shift(25).serving == split(25));
}

void loses_an_answer(Bench& bench) {
    const std::string etag = bench.read().etag;
    const Error error = failed_write(bench, Trouble::lost_answer, etag);
    INFO(error.text());
    CHECK(is_ambiguous(error));
    REQUIRE(bench.machinery->canary_percent() == 25);
    CHECK(bench.machinery->writes() == 1); // never again on its own
    check_refused(bench.set(50, etag), Code::conflict, "");
    CHECK(bench.machinery->get(bench.driver->verify(split(25), k_verify)).has_value());
}

void loses_a_request(Bench& bench) {
    const std::string etag = bench.read().etag;
    const Error error = failed_write(bench, Trouble::lost_request, etag);
    INFO(error.text());
    CHECK(is_ambiguous(error));
    CHECK(bench.machinery->canary_percent() == 0);
    CHECK(bench.read().etag == etag);
    CHECK(bench.set(25, etag).has_value()); // an unchanged etag proves that nothing was written
}

void is_denied(Bench& bench) {
    if (!bench.machinery->knows(Trouble::denied)) {
        return;
    }
    const std::string etag = bench.read().etag;
    bench.machinery->trouble(Trouble::denied);
    check_refused(bench.set(25, etag), Code::credentials, "");
    bench.machinery->trouble(Trouble::none);
    CHECK(bench.machinery->canary_percent() == 0);
}

void can_be_cancelled(Bench& bench) {
    bench.machinery->trouble(Trouble::silent);
    asio::cancellation_signal cancel;
    bool over = false;
    asio::co_spawn(
        bench.machinery->io(),
        bench.driver->read(),
        asio::bind_cancellation_slot(
            cancel.slot(), [&](std::exception_ptr, Result<TrafficState>) { over = true; }
        )
    );
    int turns = 0;
    bench.machinery->run_until([&] { return ++turns > 2; });
    const auto began = Clock::now();
    cancel.emit(asio::cancellation_type::terminal);
    bench.machinery->run_until([&] { return over; });
    CHECK(Clock::now() - began < k_slack);
    bench.machinery->trouble(Trouble::none);
    CHECK(bench.read().serving == split(0));
}

struct Rule {
    std::string_view name;
    void (*check)(Bench&);
};

constexpr std::array k_rules{
    Rule{"its target is named alike by every process", names_its_target},
    Rule{"reading changes nothing, neither here nor there", reads_without_writing},
    Rule{"two processes read the same", two_processes_read_the_same},
    Rule{"every revision has an address of its own, nobody else has one", gives_addresses},
    Rule{"a preview changes nothing", previews_without_writing},
    Rule{"an unknown revision is refused by name", refuses_an_unknown_revision},
    Rule{"no share for a revision that is not ready", gives_no_share_to_one_that_is_not_ready},
    Rule{
        "a revision that is not ready can lose its share", takes_the_share_of_one_that_is_not_ready
    },
    Rule{"what is set serves, and the etag changes", sets_what_it_is_told},
    Rule{"setting what serves already is no error", sets_twice_what_serves},
    Rule{"an outdated etag is a conflict and writes nothing", conflicts_with_an_outdated_etag},
    Rule{"another operator's write is seen and not overwritten", sees_another_operator},
    Rule{"fault 64: the setting found before comes back exactly", restores_exactly},
    Rule{"restoring needs the current etag, too", restores_only_what_it_has_read},
    Rule{
        "fault 61: read back until it equals the request, or say what was seen instead",
        verifies_with_what_it_saw_instead
    },
    Rule{"verifying waits for what comes late", verifies_what_comes_late},
    Rule{
        "a write that is not carried out yet is not settled",
        does_not_settle_before_it_is_carried_out
    },
    Rule{"machinery that is gone is unavailable", is_gone},
    Rule{"machinery that is silent times out within the driver's patience", is_silent},
    Rule{"garbage is an error of protocol", speaks_garbage},
    Rule{"half an answer is none", breaks_off},
    Rule{"a lost answer is ambiguous, and nothing is written again", loses_an_answer},
    Rule{"a lost request is ambiguous, and the etag tells", loses_a_request},
    Rule{"refused credentials are credentials", is_denied},
    Rule{"a call can be cancelled", can_be_cancelled},
    Rule{
        "a write to machinery that is gone tells what may have happened",
        [](Bench& bench) { tells_what_may_have_happened(bench, Trouble::gone); }
    },
    Rule{
        "a write to silent machinery tells what may have happened",
        [](Bench& bench) { tells_what_may_have_happened(bench, Trouble::silent); }
    },
    Rule{
        "a write answered with garbage tells what may have happened",
        [](Bench& bench) { tells_what_may_have_happened(bench, Trouble::garbage); }
    },
    Rule{
        "a write answered by half tells what may have happened",
        [](Bench& bench) { tells_what_may_have_happened(bench, Trouble::half_answer); }
    },
};

} // namespace

bool Machinery::knows(Trouble trouble) const {
    static_cast<void>(trouble);
    return true;
}

TrafficState Machinery::state_of(TrafficDriver& driver) {
    auto state = get(driver.read());
    INFO((state ? "" : state.error().text()));
    REQUIRE(state.has_value());
    return *std::move(state);
}

void check_conformance(const MakeMachinery& make) {
    for (const Rule& rule : k_rules) {
        DYNAMIC_SECTION(rule.name) {
            Bench bench(make);
            rule.check(bench);
        }
    }
}

} // namespace oa_stream::traffic::testing
