// A worker's notifications of one turn → turn events. docs/mapping.md has the rules;
// CodexTranslator has the part shared by both authorities. Added here: the contract dialect with
// its turn ends, and tolerance for notifications posted out of order. Pure.
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
        std::string turn; ///< the id for clients, whatever the worker uses
        std::string model{};
        std::string cwd{}; ///< paths under it are made relative
        std::optional<turn::Usage> baseline{}; ///< the thread's usage so far; unset: unknown
        WorkerText text = WorkerText::deltas;
    };

    static constexpr std::string_view k_usage = "thread/tokenUsage/updated";

    explicit WorkerTranslator(Settings settings);

    /// One notification of the turn; the caller has checked thread and turn.
    void push(std::string_view method, Json params, Events& out);
    /// The thread's total after another turn.
    void spent_by_others(const Json& params);
    /// With text by items: sends the text of parts that did not complete.
    void flush(Events& out);

    /// turn/completed with the status "completed": the only end that can arrive before the last
    /// text.
    [[nodiscard]] static bool completes(std::string_view method, const Json& params);
    /// Whether `method` ends a turn, in any way.
    [[nodiscard]] static bool ends(std::string_view method);
    /// Some items have started but not completed.
    [[nodiscard]] bool items_open() const noexcept { return !open_.empty(); }
    [[nodiscard]] bool ended() const noexcept { return ended_; }
    /// The thread's last reported total; unset: none was reported.
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
        std::optional<Json> end; ///< the completed item; unset: still open
    };

    void start(std::string_view model, Events& out);
    void item(std::string_view method, const Json& params, Events& out);
    void item_completed(const Key& key, Json raw, const Json& params, Events& out);
    void delta(std::string_view method, Json params, Delta kind, Events& out);
    void usage(Json params, Events& out);
    void completed(const Json& params, Events& out);
    void codex_error(const Json& params, Events& out);
    void end(turn::Outcome outcome, std::optional<turn::Failure> failure, Events& out);
    /// Passes on a notification in app-server's dialect.
    void translate(std::string_view method, Json params, Events& out);
    void tell_kept(const Key& key, Events& out);
    /// An item started. False: it had already started.
    bool open(const Key& key);
    /// Sends a text and those that waited for it; an open text that started earlier precedes it.
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
    std::set<Key> begun_{}; ///< item/started seen, no end yet
    std::set<Key> overtaken_{}; ///< completed before their item/started, which is then ignored
    std::map<std::string, std::string> outputs_{}; ///< live output of tools, by item
    std::deque<Text> texts_{}; ///< not sent yet, in order of their starts (WorkerText::items)
    /// Deltas held back until their item completes (WorkerText::items).
    std::map<Key, std::vector<std::pair<std::string, Json>>> kept_{};
};

} // namespace oa_stream::authority
