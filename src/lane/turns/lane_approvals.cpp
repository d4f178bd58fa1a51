// Approvals: who is asked, and the request that answers.
#include "oa_stream/base/text.hpp"

#include "gates/call.hpp"

namespace oa_stream::lane {

namespace {

constexpr std::string_view k_accept = "tool-approval";

/// One of the comma separated words of x-oa-accept.
bool accepts_approvals(const net::Headers& headers) {
    auto rest = headers.get("x-oa-accept").value_or("");
    while (!rest.empty()) {
        const auto comma = std::min(rest.find(','), rest.size());
        if (to_lower(trim(rest.substr(0, comma))) == k_accept) {
            return true;
        }
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return false;
}

} // namespace

/// Nothing else on the wire tells AI SDK 6 from 5, which refuses the chunk.
bool Lane::asks_approvals(const Call& call) const {
    return config_.approvals == Approvals::ask && accepts_approvals(call.request().headers) &&
           parts_.authority->capabilities().approvals;
}

Task<void> Lane::answer_approvals(CallPtr call) {
    const auto turn = turns_.find(call->record.owner, call->chat.thread);
    if (!turn) {
        co_return co_await refuse(
            std::move(call),
            invalid_field("messages", "no turn of this conversation waits for an approval")
        );
    }
    const auto segment = turn->answer(call->chat.approvals);
    if (!segment) {
        co_return co_await refuse(std::move(call), segment.error());
    }
    co_await send_stream(std::move(call), turn, false, *segment);
}

} // namespace oa_stream::lane
