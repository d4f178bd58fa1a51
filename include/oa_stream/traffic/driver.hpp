// What moves traffic: one interface for the local front door, HAProxy, Cloud Run and commands.
#pragma once

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/traffic/split.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::traffic {

/// Streams of one revision since its process began.
struct StreamCounts {
    std::uint64_t active = 0;
    std::uint64_t finished = 0;
    std::uint64_t broken = 0; ///< cut in the middle by the revision, or never answered
};

/// The process of the machinery that answered, where the setting is lost with the process.
struct MachineryProcess {
    std::string id{}; ///< differs for each process; empty: the driver does not know it
    std::optional<std::int64_t> uptime_s{}; ///< for one id that several processes had in turn

    /// Another process than `before`. False when one of both is not known.
    [[nodiscard]] bool is_newer_than(const MachineryProcess& before) const noexcept;
};

struct TrafficState {
    Split wanted;        ///< the split that was requested last
    /// What really serves; the baseline of every decision. Empty when it is not a split in whole
    /// percents: then extra["no_split"] says what it is, and only a rollback may start from it.
    Split serving;
    bool settled = true; ///< false while the last write is still being carried out
    std::string etag; ///< opaque; changes with every write by anybody
    /// The machinery has no etag: it is made of the setting, and two equal writes look alike.
    bool etag_of_setting = false;
    std::map<std::string, StreamCounts, std::less<>> streams{
    }; ///< where the machinery reports them
    Json extra = Json::object(); ///< the driver's own facts, kept as evidence
    MachineryProcess process{};
    /// The whole setting in the machinery's own words, enough for restore() to bring it back as it
    /// was: weights and drain states, tags, "latest" entries. Equal settings compare equal; nothing
    /// that changes by itself (counters, etags, times) is in it. null: the split says it all.
    Json exact = nullptr;
};

/// How to reach one revision whatever its share is.
struct ArmAddress {
    std::string base_url; ///< without a trailing slash
    std::string connect_to; ///< "host:port", empty when the URL says it all
    std::vector<std::pair<std::string, std::string>> headers{};
    /// Requests to it go past the machinery, so TrafficState::streams does not count them. False:
    /// it may count them.
    bool direct = false;
};

/// All calls are coroutines of one thread; a driver holds no state about the run.
class TrafficDriver {
public:
    virtual ~TrafficDriver() = default;
    TrafficDriver() = default;
    TrafficDriver(const TrafficDriver&) = delete;
    TrafficDriver& operator=(const TrafficDriver&) = delete;

    [[nodiscard]] virtual std::string_view kind() const noexcept = 0;
    /// Names what is driven, the same for every process of this machine that drives it: the lock
    /// hangs on it.
    [[nodiscard]] virtual std::string target() const = 0;
    /// Whether that text of target(), which a file kept, means what is driven here. Earlier
    /// releases may have written another text.
    [[nodiscard]] virtual bool is_target(std::string_view kept) const { return kept == target(); }

    [[nodiscard]] virtual Task<Result<TrafficState>> read() = 0;
    /// Whether that error of read() says that what is driven, or an arm of it, does not exist.
    [[nodiscard]] virtual bool is_gone(const Error& error) const noexcept {
        return error.code == Code::not_found;
    }

    /// Would set(target) be possible? Changes nothing. Code::precondition naming what stands in the
    /// way: an unknown revision, one that is not ready, a share the machinery cannot express.
    [[nodiscard]] virtual Task<Result<void>> preview(Split target) = 0;

    /// One write. Code::conflict: the etag is outdated, nothing was written. Code::precondition,
    /// credentials, usage: refused, nothing was written. Code::io: written, and yet it may not
    /// last. Anything else is ambiguous: it may have been applied, so read() before any retry.
    [[nodiscard]] virtual Task<Result<void>> set(Split target, std::string etag) = 0;

    /// One write, like set(), of the setting `exact` of an earlier read(), in which `target`
    /// served. As it is here: for machinery whose whole setting is the split.
    [[nodiscard]] virtual Task<Result<void>> restore(Split target, Json exact, std::string etag);

    /// Whether two values of TrafficState::exact share the traffic in the same way: what a rollback
    /// has to bring back. What others may change meanwhile without moving traffic does not count.
    [[nodiscard]] virtual bool same_setting(const Json& a, const Json& b) const { return a == b; }

    /// From here on no call begins a wait (for Retry-After, a back-off) that ends after `until`.
    virtual void wait_no_longer_than(Clock::time_point until) { static_cast<void>(until); }

    /// From here on users are hurt while a call waits: of what the machinery asks for by itself
    /// (Retry-After) only some seconds are kept.
    virtual void begin_rescue() {}

    /// Longest time that one call may take before it counts as hanging; a wait that the machinery
    /// itself asked for (Retry-After) is within it.
    [[nodiscard]] virtual Millis patience() const noexcept { return Millis(5000); }

    /// Reads until the traffic rests at `target` and the write has settled, at most `limit`.
    /// Code::timeout with what was seen instead.
    [[nodiscard]] virtual Task<Result<TrafficState>> verify(Split target, Millis limit) = 0;

    /// As of the last read(): each 100 requests are split to within one; false: at random.
    [[nodiscard]] virtual bool splits_exactly() const noexcept = 0;

    /// As of the last read(). Code::not_found for a revision the machinery does not know,
    /// Code::precondition for one that only the machinery itself can reach.
    [[nodiscard]] virtual Result<ArmAddress> address(std::string_view revision) const = 0;
};

/// A look that set() or restore() take before they write: its error must not seem to say that
/// something may have been written. As a conflict it lets the caller read and decide again.
template <class T> [[nodiscard]] Result<T> unsent(Result<T> looked) {
    if (!looked && is_ambiguous(looked.error())) {
        looked.error().code = Code::conflict;
        looked.error().message = "nothing was written: " + looked.error().message;
    }
    return looked;
}

/// What serves, in words, also when it is not a split.
[[nodiscard]] std::string serving_text(const TrafficState& state);
/// The same as a clause: "canary 5%, stable 95% serves".
[[nodiscard]] std::string serves_text(const TrafficState& state);

/// It serves, and it is what was requested last: nothing will replace it by itself.
[[nodiscard]] bool rests_at(const TrafficState& state, const Split& split) noexcept;

/// Of a state that rests at the target: what it still lacks, "but …"; empty: nothing.
using Lacks = std::function<std::string(const TrafficState& state)>;
/// verify() as most drivers need it: polls read() every `pause`.
[[nodiscard]] Task<Result<TrafficState>>
poll_until(TrafficDriver& driver, Split target, Millis limit, Millis pause, Lacks lacks = {});
/// A path that is alike from every working directory, for target().
[[nodiscard]] std::string canonical_path(const std::string& path);

} // namespace oa_stream::traffic
