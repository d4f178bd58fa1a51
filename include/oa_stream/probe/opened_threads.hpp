// Deletes the conversations that our turns opened on a target: probes must not clutter users' lists
// of chats. Not thread-safe; the client must outlive everything here.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/net/http_client.hpp"
#include "oa_stream/probe/stream_probe.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::probe {

/// Whether the id has the form that this program's probes, smokes, shadows and loads use. A lane
/// lists no other mark: the header that marks a probe's turn is not stored with the chat.
[[nodiscard]] bool is_probe_thread(std::string_view id) noexcept;

struct OpenedThreads {
    std::vector<Target> where{}; ///< any of these targets may store them
    std::vector<std::string> ids{};
};

/// One DELETE at a time, so that users of the target are not affected.
struct RemovePace {
    double per_s = 50;
    Millis longest{60'000}; ///< total time
    std::function<bool()> stop{}; ///< true: conversations that are not removed yet stay
    Millis rest{5'000}; ///< pause for a target that failed to answer three times in a row
};

struct Removal {
    std::uint64_t removed = 0;
    std::uint64_t unknown = 0; ///< conversations that no target has
    std::vector<std::string> left{};
    std::string why{}; ///< the first reason for those left: "it does not delete conversations"
};

/// A target without the route, or one that refuses the caller, is only asked once.
class ThreadRemover {
public:
    ThreadRemover(net::HttpClient& client, ProbeLimits limits, RemovePace pace = {});
    /// One call at a time.
    [[nodiscard]] Task<void> remove(OpenedThreads opened);
    /// Conversations that are not removed within this time stay.
    void end_within(Millis longest);
    /// Retries those that a busy or absent target kept, and returns the overall result.
    [[nodiscard]] Task<Removal> finish();

private:
    class State;
    std::shared_ptr<State> state_;
};

/// Removes all of them with one ThreadRemover.
[[nodiscard]] Task<Removal> remove_threads(
    net::HttpClient& client,
    std::vector<OpenedThreads> opened,
    ProbeLimits limits,
    RemovePace pace = {}
);

/// "3 conversations of this run (oaprobe_1, oaprobe_2, …): it does not delete conversations";
/// empty when none is left.
[[nodiscard]] std::string left_text(const Removal& removal, std::string_view whose = {});
/// "; 6 removed; the target keeps …", to append to a sentence.
[[nodiscard]] std::string removed_text(const Removal& removal);
[[nodiscard]] Json to_json(const Removal& removal);

} // namespace oa_stream::probe
