// The conversations that turns of our own opened on a target, and their end: nobody wants a list of
// users' chats in which probes stand.
// One thread; the client must outlive all of it.
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

/// Whether probes, smokes, shadows and loads of this program call their conversations so. A lane
/// lists no other mark of theirs: the header that marks a probe's turn is not kept with the chat.
[[nodiscard]] bool is_probe_thread(std::string_view id) noexcept;

struct OpenedThreads {
    std::vector<Target> where{}; ///< any of them may keep them
    std::vector<std::string> ids{};
};

/// One DELETE at a time, so users of the target do not feel it.
struct RemovePace {
    double per_s = 50;
    Millis longest{60'000}; ///< from the beginning
    std::function<bool()> stop{}; ///< true: what is not removed yet stays
    Millis rest{5'000}; ///< of a target that did not answer three times in a row
};

struct Removal {
    std::uint64_t removed = 0;
    std::uint64_t unknown = 0; ///< no target keeps a conversation of that id
    std::vector<std::string> left{};
    std::string why{}; ///< the first reason of those left: "it does not delete conversations"
};

/// A target without the route is asked once, one that refuses the caller too.
class ThreadRemover {
public:
    ThreadRemover(net::HttpClient& client, ProbeLimits limits, RemovePace pace = {});
    /// One call at a time.
    [[nodiscard]] Task<void> remove(OpenedThreads opened);
    /// What is not removed until then stays.
    void end_within(Millis longest);
    /// Tries those once more that a busy or absent target kept, and says what came of all.
    [[nodiscard]] Task<Removal> finish();

private:
    class State;
    std::shared_ptr<State> state_;
};

/// All of them by one ThreadRemover.
[[nodiscard]] Task<Removal> remove_threads(
    net::HttpClient& client,
    std::vector<OpenedThreads> opened,
    ProbeLimits limits,
    RemovePace pace = {}
);

/// "3 conversations of this run (oaprobe_1, oaprobe_2, …): it does not delete conversations";
/// empty when none is left.
[[nodiscard]] std::string left_text(const Removal& removal, std::string_view whose = {});
/// "; 6 removed; the target keeps …", to end a sentence.
[[nodiscard]] std::string removed_text(const Removal& removal);
[[nodiscard]] Json to_json(const Removal& removal);

} // namespace oa_stream::probe
