#include "rollback_moments.hpp"

namespace oa_stream::report {

std::vector<RollbackMoment> rollback_moments(const RollbackFacts& facts) {
    std::vector<RollbackMoment> out;
    if (facts.fault_s) {
        out.emplace_back("fault injected", facts.fault_s);
        out.emplace_back("first bad answer", facts.seen_s);
    }
    out.emplace_back("decided", facts.decided_s);
    out.emplace_back("traffic written", facts.written_s);
    out.emplace_back("read back", facts.read_back_s);
    out.emplace_back("fresh connections see stable", facts.user_visible_s);
    out.emplace_back("confirmed", facts.confirmed_s);
    return out;
}

} // namespace oa_stream::report
