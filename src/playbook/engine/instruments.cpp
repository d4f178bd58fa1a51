// What instruments that cannot do a thing say of it.
#include "instruments.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::playbook {
namespace {

Check unable(std::string id, std::string_view what) {
    return {.id = std::move(id), .detail = fmt::format("nothing here can {}", what)};
}

} // namespace

Task<std::vector<Check>> Instruments::shadow(ShadowSpec /*spec*/, std::string id) {
    co_return std::vector{unable(std::move(id), "compare two revisions")};
}

Task<Check> Instruments::continuity(Through /*from*/, Through /*to*/, std::string id) {
    co_return unable(std::move(id), "make a conversation");
}

Task<Check> Instruments::conversations_kept(
    bool /*back*/, std::string id, probe::ReadPace /*pace*/
) {
    co_return unable(std::move(id), "make a conversation");
}

Task<Check> Instruments::conversations_whole(std::string id, probe::ReadPace /*pace*/) {
    co_return unable(std::move(id), "make a conversation");
}

Task<probe::Removal> Instruments::remove_conversations(probe::RemovePace /*pace*/) {
    co_return probe::Removal{};
}

} // namespace oa_stream::playbook
