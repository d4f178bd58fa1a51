// Checks the shared store the way a lane uses it.
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/store/facts.hpp"

#include "core/run_screen.hpp"
#include "doctor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

namespace oa_stream::cli {

namespace {

constexpr double k_slow_ms = 5; ///< each start of a turn takes two round trips
constexpr double k_full = 0.8; ///< lanes start no turns above it
constexpr Millis k_skew{2'000};

Check keeps(const store::StoreFacts& facts) {
    const bool safe = facts.appends || facts.copies > 0;
    return finding(
        "store.kept",
        safe ? Verdict::pass : Verdict::inconclusive,
        facts.appends      ? "a restart keeps what was accepted (appendonly yes)"
        : facts.copies > 0 ? "copies keep what was accepted; a restart of all loses it"
                           : "a restart loses all conversations",
        facts.appends ? "" : "set appendonly yes in redis.conf"
    );
}

Check copied(const store::StoreFacts& facts) {
    const bool risky = facts.copies > 0 && !facts.needs_copies;
    return finding(
        "store.copies",
        risky ? Verdict::inconclusive : Verdict::pass,
        risky ? fmt::format(
                    "{} copies; a primary that lost sight of them goes on taking what a failover "
                    "throws away",
                    facts.copies
                )
              : fmt::format("{} copies", facts.copies),
        risky ? "set min-replicas-to-write 1 and min-replicas-max-lag 2 in redis.conf" : ""
    );
}

Check memory(const store::StoreFacts& facts) {
    if (facts.most_memory == 0) {
        return finding(
            "store.memory",
            Verdict::inconclusive,
            "no maxmemory: the machine's kernel would end it",
            "set maxmemory in redis.conf"
        );
    }
    const auto share = static_cast<double>(facts.memory) / static_cast<double>(facts.most_memory);
    return finding(
        "store.memory",
        share > k_full ? Verdict::fail : Verdict::pass,
        fmt::format("{:.0f}% of maxmemory is used", share * 100),
        share > k_full ? "raise maxmemory in redis.conf" : ""
    );
}

Check lanes(const store::StoreFacts& facts) {
    const bool mixed = facts.revisions.size() > 1;
    return finding(
        "store.lanes",
        mixed ? Verdict::inconclusive : Verdict::pass,
        facts.lanes == 0
            ? "no lane is on it"
            : fmt::format(
                  "{}, revision {}", counted(facts.lanes, "lane"), fmt::join(facts.revisions, ", ")
              ),
        mixed ? "finish the rollout: all lanes need the same revision" : ""
    );
}

std::vector<Check> judge_facts(const store::StoreFacts& facts) {
    std::vector<Check> out{
        finding("store", Verdict::pass, fmt::format("Redis {} answers", facts.version), {})
    };
    const bool slow = facts.round_trip_ms > k_slow_ms;
    out.push_back(finding(
        "store.round-trip",
        slow ? Verdict::inconclusive : Verdict::pass,
        fmt::format("{:.2f}ms", facts.round_trip_ms),
        slow ? "run it in the lanes' own network" : ""
    ));
    out.push_back(keeps(facts));
    out.push_back(copied(facts));
    out.push_back(memory(facts));
    if (facts.ahead) { // only log times would differ
        const bool off = std::abs(facts.ahead->count()) > k_skew.count();
        out.push_back(finding(
            "store.clock",
            off ? Verdict::inconclusive : Verdict::pass,
            fmt::format("its clock is {}ms ahead of this machine's", facts.ahead->count()),
            off ? "timedatectl set-ntp true" : ""
        ));
    }
    if (!facts.authority.empty()) { // a lane with another one is refused at its start
        out.push_back(finding(
            "store.authority",
            Verdict::pass,
            fmt::format("it has conversations of {} {}", names::authority, facts.authority),
            {}
        ));
    }
    out.push_back(lanes(facts));
    return out;
}

} // namespace

Result<std::vector<Check>> judge_store(const store::StoreOptions& options, Context& context) {
    OA_CHECK(store::check_store(options));
    Screen screen(context);
    const auto facts = look_to_end<store::StoreFacts>(
        [&](const asio::any_io_executor& executor) {
            return store::look_at_store(executor, options);
        },
        screen
    );
    if (!facts) {
        const Advice& hint = facts.error().hint;
        return std::vector{finding(
            "store",
            Verdict::fail,
            facts.error().text(),
            hint.empty() ? "check the address, and whether Redis runs there" : hint
        )};
    }
    return judge_facts(*facts);
}

} // namespace oa_stream::cli
