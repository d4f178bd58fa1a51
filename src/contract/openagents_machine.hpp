// The retired stream lane's dialect (profile openagents-v1): rules A1–A11, O6 and O7.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/contract/ui_machine.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace oa_stream::contract {

class OpenagentsMachine {
public:
    using Report = UiMachine::Report;

    /// One event's JSON object.
    void step(const Json& frame, const Report& report);
    void done_mark(const Report& report);
    void unreadable(const Report& report);
    void comment(const Report& report);
    void finish(const Report& report);
    [[nodiscard]] bool done() const noexcept { return dones_ != 0; }

private:
    void place(std::string_view type, const Report& report);
    void same_ids(std::string_view type, const Json& frame, const Report& report);
    void apply(std::string_view type, const Json& frame, const Report& report);
    void text(std::string_view type, const Json& frame, const Report& report);
    void tool(std::string_view type, const Json& frame, const Report& report);
    void ending(const Json& frame, const Report& report);
    void after_done(const Report& report);

    bool any_event_ = false;
    bool started_ = false;
    bool lone_error_ = false; ///< a failed preview: an error without start
    bool noted_after_done_ = false;
    int steps_ = 0;
    int finish_steps_ = 0;
    int errors_ = 0;
    int finishes_ = 0;
    int dones_ = 0;
    std::map<std::string, std::string> ids_{}; ///< threadId and turnId as first seen
    std::set<std::string, std::less<>> texts_{};
    /// id → whether its last output had a status
    std::map<std::string, bool, std::less<>> calls_{};
};

} // namespace oa_stream::contract
