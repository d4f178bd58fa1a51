#include "oa_stream/authority/kind.hpp"

namespace oa_stream::authority {
namespace {

std::string replay_model(const AuthorityOptions& /*options*/) {
    return "replay";
}

Result<std::unique_ptr<Authority>>
make_replay(const asio::any_io_executor& executor, const AuthorityOptions& options) {
    OA_TRY(auto made, make_replay_authority(executor, options.replay));
    return made;
}

} // namespace

extern constinit const AuthorityKind k_replay{
    .name = "replay",
    .provider = "replay",
    .shares_turns = true,
    .plays = true,
    .takes_faults = true,
    .model = replay_model,
    .make = make_replay,
};

} // namespace oa_stream::authority
