// The tool calls of one stream: rules T1–T6 and E3.
#pragma once

#include "oa_stream/contract/ui_machine.hpp"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::contract {

class UiTools {
public:
    using Report = UiMachine::Report;

    /// The calls of the assistant message that the answer continues.
    void continue_with(const Continues& before);
    void messages_known(bool known) noexcept { messages_known_ = known; }
    [[nodiscard]] bool undecided(std::string_view rule) const noexcept {
        return undecided_.contains(rule);
    }

    void input_start(const wire::ui::ToolInputStart& chunk, const Report& report);
    void input_delta(const wire::ui::ToolInputDelta& chunk, const Report& report);
    void input_available(const wire::ui::ToolInputAvailable& chunk, const Report& report);
    /// `with_output`: tool-output-available, else tool-output-error.
    void output(std::string_view call, bool dynamic, bool with_output, const Report& report);
    void approval_request(const wire::ui::ToolApprovalRequest& chunk, const Report& report);
    void denied(std::string_view call, const Report& report);

    void unfinished_input(const Report& report) const; ///< T3
    /// Calls without an output at a step's end: only finish shows whether the client has to act.
    void hold_without_output();
    /// T4 for those calls. `client_acts`: except calls that the provider does not run.
    void without_output(bool client_acts, const Report& report);
    void open_at_error(const Report& report) const; ///< E3
    /// A step ended: open calls keep their state.
    void leave_open();

private:
    enum class Stage { streaming, input, asked, done, left };
    struct Tool {
        std::string call, name, text;
        Stage stage = Stage::streaming;
        bool dynamic = false;
        bool provider = false; ///< the provider runs it: providerExecuted
        bool deltas = false;
        bool earlier = false; ///< from the request's messages
        bool supposed = false; ///< may be in unknown messages: only its id is known
        bool was_asked = false; ///< an approval was requested
        bool has_output = false; ///< in those messages; the answer may repeat it
    };
    struct Held {
        std::string call;
        bool provider;
    };
    [[nodiscard]] Tool* find(std::string_view call);
    /// Finds the call. If the messages are unknown and only they can have it, adds it as supposed
    /// and marks `rule` as undecided.
    [[nodiscard]] Tool* find_or_suppose(std::string_view call, std::string_view rule);
    Tool& add(Tool tool);

    std::vector<Tool> tools_{}; ///< in order of appearance, which is also the order of findings
    std::map<std::string, std::size_t, std::less<>> places_{};
    std::vector<Held> held_{};
    std::set<std::string, std::less<>> approvals_{};
    std::set<std::string, std::less<>> undecided_{};
    bool messages_known_ = true;
};

} // namespace oa_stream::contract
