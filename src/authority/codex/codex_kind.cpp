#include "oa_stream/authority/kind.hpp"

namespace oa_stream::authority {
namespace {

std::string_view codex_model(const AuthorityOptions& options) {
    return options.codex.model;
}

Result<std::unique_ptr<Authority>>
make_codex(const asio::any_io_executor& executor, const AuthorityOptions& options) {
    if (!options.codex_servers.empty()) {
        OA_CHECK(check_codex_servers(options.codex, options.codex_servers));
        return make_codex_servers(executor, options.codex, options.codex_servers);
    }
    if (!options.codex_owners.work_template.empty()) {
        return make_codex_owner_pool(executor, options.codex, options.codex_owners);
    }
    return make_codex_pool(executor, options.codex, options.codex_children);
}

} // namespace

extern constinit const AuthorityKind k_codex{
    .name = "codex",
    .provider = "codex_app_server",
    .spawns = true,
    .costs = true,
    .keeps_threads = true,
    .model = codex_model,
    .make = make_codex,
};

} // namespace oa_stream::authority
