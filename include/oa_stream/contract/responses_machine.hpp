// The state machine of a legal stream of the Responses API, and the rules of a whole response.
// Pure: no I/O, no clock. The writer can only emit what they allow.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/contract/ui_machine.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::contract {

/// created, in_progress, items…, completed | incomplete | failed | error | error and failed.
class ResponsesMachine {
public:
    using Report = UiMachine::Report;

    /// Processes the next event (`name`: its event: field), reports every rule it breaks, and
    /// continues.
    void step(const Json& event, std::string_view name, const Report& report);
    /// The next event is one that no client could read.
    void unreadable(const Report& report);
    /// The next line is a comment; it matters only after the end.
    void comment(const Report& report);
    /// The stream has ended.
    void finish(const Report& report);

    [[nodiscard]] bool done() const noexcept { return ended_; } ///< the final event was seen

private:
    /// An output item. `text` is that of its one part: an answer, a reasoning summary or a
    /// function's arguments.
    struct Item {
        std::string id;
        std::string type;
        std::string text{};
        bool part = false; ///< open
        bool text_done = false; ///< the text's done event was seen
        bool part_done = false; ///< at least one part was there
        bool done = false;
        Json whole{}; ///< from its output_item.done
        std::string call{}; ///< of a function_call; so is `name`
        std::string name{};
    };

    void number(const Json& event, std::string_view name, const Report& report);
    void beginning(std::string_view type, const Json& event, const Report& report);
    void same(const Json& response, const Report& report);
    void item_added(const Json& event, const Report& report);
    void item_done(const Json& event, const Report& report);
    [[nodiscard]] Item* item_of(const Json& event, std::string_view type, const Report& report);
    [[nodiscard]] bool piece(std::string_view type, const Json& event, const Report& report);
    void part(Item& item, std::string_view what, const Json& event, const Report& report);
    void ending(std::string_view type, const Json& event, const Report& report);
    void after_end(const Report& report);

    std::vector<Item> items_{};
    std::optional<Json> first_{}; ///< the first event's response
    std::int64_t next_ = 0; ///< next sequence number
    std::uint64_t events_ = 0;
    bool ended_ = false;
    bool error_last_ = false; ///< the last event was an error: response.failed may follow
    bool noted_after_end_ = false;
};

/// Rules V3, V5, V11 and V12 of a response in an event or a whole body. `status`: the required one;
/// empty: any that a whole answer may have.
void judge_response(
    const Json& response, std::string_view status, const ResponsesMachine::Report& report
);

} // namespace oa_stream::contract
