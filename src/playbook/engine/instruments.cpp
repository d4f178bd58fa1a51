// What instruments that cannot do a thing say of it.
#include "instruments.hpp"

#include <utility>

namespace oa_stream::playbook {

Task<std::vector<Check>> Instruments::shadow(ShadowSpec /*spec*/, std::string id) {
    Check check;
    check.id = std::move(id);
    check.detail = "nothing here can compare two revisions";
    co_return std::vector{std::move(check)};
}

Task<Check> Instruments::continuity(Through /*from*/, Through /*to*/, std::string id) {
    Check check;
    check.id = std::move(id);
    check.detail = "nothing here can make a conversation";
    co_return check;
}

Task<Check> Instruments::conversations_whole(std::string id) {
    Check check;
    check.id = std::move(id);
    check.detail = "nothing here can make a conversation";
    co_return check;
}

Task<probe::Removal> Instruments::remove_conversations(probe::RemovePace /*pace*/) {
    co_return probe::Removal{};
}

} // namespace oa_stream::playbook
