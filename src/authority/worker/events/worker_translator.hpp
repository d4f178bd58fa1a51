// A worker's notifications of one turn → turn events. The rules are in docs/mapping.md; what both
// authorities share is CodexTranslator's. Added here: the contract dialect, its ends of a turn, and
// patience with workers that post notifications out of order. Pure.
#pragma once

#include "oa_stream/authority/worker.hpp"

#include "codex/events/codex_events.hpp"
#include "codex/events/codex_events_items.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::authority {

class WorkerTranslator {
public:
    using Events = std::vector<turn::Event>;
    struct Settings {
        std::string thread;
        std::string turn; ///< the id that clients read, whatever the worker calls it
        std::string model{};
        std::string cwd{}; ///< paths under it are told relative to it
        std::optional<turn::Usage> baseline{}; ///< the thread's usage so far; unset: not known
        WorkerText text = WorkerText::deltas;
    };

    static constexpr std::string_view k_usage = "thread/tokenUsage/updated";

    explicit WorkerTranslator(Settings settings);

    /// One notification of the turn; thread and turn were checked by the caller.
    void push(std::string_view method, Json params, Events& out);
    /// The thread's total as another turn left it.
    void spent_by_others(const Json& params);
    /// What the turn said in parts that are not whole, where text is told by items.
    void flush(Events& out);

    /// turn/completed with the status "completed": the one end that can come before the last words.
    [[nodiscard]] static bool completes(std::string_view method, const Json& params);
    /// The event is the end of a turn, whatever it is like.
    [[nodiscard]] static bool ends(std::string_view method);
    /// Items that began and are not completed.
    [[nodiscard]] bool items_open() const noexcept { return !open_.empty(); }
    [[nodiscard]] bool ended() const noexcept { return ended_; }
    /// The thread's total as last told; unset: never.
    [[nodiscard]] const std::optional<turn::Usage>& total() const noexcept { return total_; }
    [[nodiscard]] std::uint64_t text_mismatches() const noexcept {
        return codex_.text_mismatches();
    }
    [[nodiscard]] std::uint64_t unknown() const noexcept { return unknown_; }

private:
    using Key = std::pair<std::string, std::string>; ///< item type and id
    enum class Delta { message, reasoning, tool };
    struct Text {
        Key key;
        std::optional<Json> end; ///< the item as it was completed; unset: it is open
    };

    void start(std::string_view model, Events& out);
    void item(std::string_view method, const Json& params, Events& out);
    void item_completed(const Key& key, Json raw, const Json& params, Events& out);
    void delta(std::string_view method, Json params, Delta kind, Events& out);
    void usage(Json params, Events& out);
    void completed(const Json& params, Events& out);
    void codex_error(const Json& params, Events& out);
    void end(turn::Outcome outcome, std::optional<turn::Failure> failure, Events& out);
    /// Hands a notification in app-server's dialect on.
    void translate(std::string_view method, Json params, Events& out);
    void tell_kept(const Key& key, Events& out);
    /// An item began. False: it had begun already.
    bool open(const Key& key);
    /// Tells a text, and what waited for it; what began before it and is open comes first.
    void text_completed(const Key& key, Json raw, Events& out);
    void tell_text(Text& text, Events& out);

    Settings settings_;
    CodexTranslator codex_;
    bool started_ = false;
    bool ended_ = false;
    std::uint64_t unknown_ = 0;
    std::optional<turn::Usage> total_{};
    std::set<Key> open_{};
    std::set<Key> done_{};
    std::set<Key> begun_{}; ///< item/started came, and no end yet
    std::set<Key> overtaken_{}; ///< whole before its item/started came, which tells nothing new
    std::map<std::string, std::string> outputs_{}; ///< live output of tools, by item
    std::deque<Text> texts_{}; ///< not told yet, as they began (WorkerText::items)
    /// Deltas kept back until their item is whole (WorkerText::items).
    std::map<Key, std::vector<std::pair<std::string, Json>>> kept_{};
};

} // namespace oa_stream::authority
