// Traffic drivers: one interface for the local front door, HAProxy, Cloud Run and commands.
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

/// The machinery's process that answered, where the setting is lost with the process.
struct MachineryProcess {
    std::string id{}; ///< unique per process; empty: the driver does not know it
    /// Distinguishes processes that used the same id in turn.
    std::optional<std::int64_t> uptime_s{};

    /// A different, later process than `before`. False when either is unknown.
    [[nodiscard]] bool is_newer_than(const MachineryProcess& before) const noexcept;
};

struct TrafficState {
    Split wanted;        ///< the split that was requested last
    /// The split that actually serves; the baseline of every decision. Empty when it is not a split
    /// in whole percents: then extra["no_split"] describes it, and only a rollback may start from
    /// it.
    Split serving;
    bool settled = true; ///< false while the last write is still being carried out
    std::string etag; ///< opaque; changes with every write by anyone
    /// The machinery has no etag: this one is derived from the setting, so two equal writes look
    /// alike.
    bool etag_of_setting = false;
    std::map<std::string, StreamCounts, std::less<>> streams{
    }; ///< where the machinery reports them
    Json extra = Json::object(); ///< the driver's own facts, kept as evidence
    MachineryProcess process{};
    /// The whole setting in the machinery's own terms, enough for restore() to restore it exactly:
    /// weights and drain states, tags, "latest" entries. Equal settings compare equal; values that
    /// change by themselves (counters, etags, times) are excluded. null: the split is sufficient.
    Json exact = nullptr;
};

/// How to reach one revision, whatever its share.
struct ArmAddress {
    std::string base_url; ///< without a trailing slash
    std::string connect_to; ///< "host:port"; empty when the URL is sufficient
    std::vector<std::pair<std::string, std::string>> headers{};
    /// Requests to it bypass the machinery, so TrafficState::streams does not count them. False:
    /// they may be counted.
    bool direct = false;
};

/// All calls are coroutines on one thread; a driver has no state about the run.
class TrafficDriver {
public:
    virtual ~TrafficDriver() = default;
    TrafficDriver() = default;
    TrafficDriver(const TrafficDriver&) = delete;
    TrafficDriver& operator=(const TrafficDriver&) = delete;

    [[nodiscard]] virtual std::string_view kind() const noexcept = 0;
    /// Identifies what is driven, equally for every process of this machine that drives it: the
    /// lock depends on it.
    [[nodiscard]] virtual std::string target() const = 0;
    /// Whether a stored text of target() means what is driven here. Earlier releases may have
    /// stored another text.
    [[nodiscard]] virtual bool is_target(std::string_view kept) const { return kept == target(); }

    [[nodiscard]] virtual Task<Result<TrafficState>> read() = 0;
    /// Whether this error of read() means that what is driven, or an arm of it, does not exist.
    [[nodiscard]] virtual bool is_gone(const Error& error) const noexcept {
        return error.code == Code::not_found;
    }

    /// Checks whether set(target) would be possible. Changes nothing. Code::precondition naming the
    /// obstacle: an unknown revision, one that is not ready, a share that the machinery cannot
    /// express.
    [[nodiscard]] virtual Task<Result<void>> preview(Split target) = 0;

    /// Writes once. Code::conflict: the etag is outdated, nothing was written. Code::precondition,
    /// credentials, usage: refused, nothing was written. Code::io: written, but it may not last.
    /// Any other error is ambiguous: it may have been applied, so call read() before any retry.
    [[nodiscard]] virtual Task<Result<void>> set(Split target, std::string etag) = 0;

    /// Writes once, like set(), the setting `exact` of an earlier read(), in which `target` served.
    /// The default implementation is for machinery whose whole setting is the split.
    [[nodiscard]] virtual Task<Result<void>> restore(Split target, Json exact, std::string etag);

    /// Whether two values of TrafficState::exact share the traffic in the same way, which is what a
    /// rollback must restore. Ignores what others may change meanwhile without moving traffic.
    [[nodiscard]] virtual bool same_setting(const Json& a, const Json& b) const { return a == b; }

    /// From here on no call begins a wait (for Retry-After, a back-off) that ends after `until`.
    virtual void wait_no_longer_than(Clock::time_point until) { static_cast<void>(until); }

    /// From here on users are affected while a call waits: a wait that the machinery requests
    /// (Retry-After) is limited to some seconds.
    virtual void begin_rescue() {}

    /// Longest duration of one call before it counts as hanging, including waits that the machinery
    /// requests (Retry-After).
    [[nodiscard]] virtual Millis patience() const noexcept { return Millis(5000); }

    /// Reads until the traffic rests at `target` and the write has settled, at most `limit`.
    /// Code::timeout with the observed state instead.
    [[nodiscard]] virtual Task<Result<TrafficState>> verify(Split target, Millis limit) = 0;

    /// As of the last read(): each 100 requests are split to within one; false: at random.
    [[nodiscard]] virtual bool splits_exactly() const noexcept = 0;

    /// As of the last read(). Code::not_found for a revision that the machinery does not know,
    /// Code::precondition for one that only the machinery itself can reach.
    [[nodiscard]] virtual Result<ArmAddress> address(std::string_view revision) const = 0;
};

/// Converts the error of a read that set() or restore() make before writing: it must not suggest
/// that something may have been written. As a conflict it lets the caller read and decide again.
template <class T> [[nodiscard]] Result<T> unsent(Result<T> looked) {
    if (!looked && is_ambiguous(looked.error())) {
        looked.error().code = Code::conflict;
        looked.error().message = "nothing was written: " + looked.error().message;
    }
    return looked;
}

/// Describes what serves, even if it is not a split.
[[nodiscard]] std::string serving_text(const TrafficState& state);
/// The same as a clause: "canary 5%, stable 95% serves".
[[nodiscard]] std::string serves_text(const TrafficState& state);

/// The split serves and was requested last: nothing will replace it by itself.
[[nodiscard]] bool rests_at(const TrafficState& state, const Split& split) noexcept;

/// What a state that rests at the target still lacks, "but …"; empty: nothing.
using Lacks = std::function<std::string(const TrafficState& state)>;
/// verify() for most drivers: polls read() every `pause`.
[[nodiscard]] Task<Result<TrafficState>>
poll_until(TrafficDriver& driver, Split target, Millis limit, Millis pause, Lacks lacks = {});
/// A path that is the same from every working directory, for target().
[[nodiscard]] std::string canonical_path(const std::string& path);

} // namespace oa_stream::traffic
