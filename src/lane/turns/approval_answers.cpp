#include "approval_answers.hpp"

#include <algorithm>

namespace oa_stream::lane {

std::vector<ApprovalAnswer> read_approval_answers(const Json& message) {
    std::vector<ApprovalAnswer> answers;
    const auto* parts = member(message, "parts");
    if (parts == nullptr || !parts->is_array()) {
        return answers;
    }
    for (const auto& part : *parts) {
        const auto* approval = member(part, "approval");
        if (approval == nullptr || string_member(part, "state") != "approval-responded") {
            continue;
        }
        const auto id = string_member(*approval, "id");
        const auto approved = bool_member(*approval, "approved");
        if (!id || !approved) {
            continue;
        }
        std::erase_if(answers, [&](const auto& earlier) { return earlier.id == *id; });
        answers.push_back({std::string(*id), *approved});
    }
    return answers;
}

} // namespace oa_stream::lane
