// One stage under way. Private to the room.
#pragma once

#include "session.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace oa_stream::playbook {

struct Hold {
    Session& session;
    int index;
    int percent;
    std::string where;
    evidence::StageRow row{};
    std::map<std::string, std::uint64_t, std::less<>> met{}; ///< revision → unpinned answers
    std::uint64_t unknown = 0; ///< unpinned probes that nobody answered
    Clock::time_point begun = Clock::now();
    Millis planned{0};
    bool extended = false;

    [[nodiscard]] double held_s() const {
        return std::chrono::duration<double>(Clock::now() - begun).count();
    }
    void take(measure::Sample sample) {
        session.keep(sample, where);
        if (sample.arm == "canary") {
            session.canary_all.push_back(sample);
            row.canary.push_back(std::move(sample));
        } else if (sample.arm == "stable") {
            session.stable_all.push_back(sample);
            row.stable.push_back(std::move(sample));
        } else if (sample.revision.empty()) {
            ++unknown;
        } else {
            ++met[sample.revision];
        }
    }
};

/// Stable has no users at 100 %: it may be shrunk, so the canary is compared with this run's
/// earlier samples of it.
[[nodiscard]] bool compares_with_earlier(const Hold& hold);

/// Every gate of the stage on the samples so far.
[[nodiscard]] std::vector<measure::GateRecord> look_at(const Hold& hold, const measure::Look& look);

/// A gate that decides has this verdict.
[[nodiscard]] bool any(const std::vector<measure::GateRecord>& records, Verdict verdict);

/// Records the gates of the row as checks and evidence; sets the row's verdict.
void settle_gates(Hold& hold);

/// Did unpinned probes meet the canary as often as the split says?
void check_split(Hold& hold);

} // namespace oa_stream::playbook
