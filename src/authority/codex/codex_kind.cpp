#include "oa_stream/authority/kind.hpp"
#include "oa_stream/base/file.hpp"

#include "codex/process/codex_toml.hpp"

namespace oa_stream::authority {
namespace {

constexpr std::size_t k_config_limit = 1U << 20U;

/// The model in the configuration file, if the file exists and names one.
std::string codex_model(const AuthorityOptions& options) {
    if (const auto& file = options.codex.config_file) {
        const auto text = read_file(*file, k_config_limit); // on errors: codex reports them
        const auto facts = text ? read_config_facts(*text) : ConfigFacts{};
        return facts.model.value_or(options.codex.model);
    }
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
    .shares_turns = true,
    .costs = true,
    .records = true,
    .keeps_threads = true,
    .model = codex_model,
    .make = make_codex,
};

} // namespace oa_stream::authority
