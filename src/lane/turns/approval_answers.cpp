#include "approval_answers.hpp"

#include "oa_stream/base/json_members.hpp"

#include <algorithm>
#include <ranges>
#include <set>
#include <string_view>

namespace oa_stream::lane {

std::vector<ApprovalAnswer> read_approval_answers(const Json& message) {
    std::vector<ApprovalAnswer> answers;
    std::set<std::string_view> seen;
    for (const auto& part : list_in(message, "parts") | std::views::reverse) {
        const auto* approval = member(part, "approval");
        if (approval == nullptr || string_member(part, "state") != "approval-responded") {
            continue;
        }
        const auto id = string_member(*approval, "id");
        const auto approved = bool_member(*approval, "approved");
        if (!id || !approved) {
            continue;
        }
        if (seen.insert(*id).second) {
            answers.push_back({std::string(*id), *approved});
        }
    }
    std::ranges::reverse(answers);
    return answers;
}

} // namespace oa_stream::lane
