#include "serve_workspace.hpp"

#include "oa_stream/base/option_names.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <system_error>

namespace oa_stream::cli {

namespace {

namespace fs = std::filesystem;

Result<void> check_template(const ServeOptions& options) {
    const std::string& folder = options.authority.codex_owners.work_template;
    const auto refuse = [](std::string message, std::string hint = {}) {
        return fail(
            Code::usage, std::move(message), std::string(names::work_dir_template), std::move(hint)
        );
    };
    if (!folder.starts_with('/') || !folder.contains(authority::k_owner_mark)) {
        return refuse("it is an absolute path with {owner} in it", "for example /srv/{owner}");
    }
    if (!options.authority.codex.work_dir.empty()) {
        return refuse(fmt::format("it cannot be combined with {}", names::work_dir));
    }
    if (options.authority.codex_children > 1) {
        return refuse(fmt::format("each owner has one Codex: leave out {}", names::codex_children));
    }
    if (options.shared_workspace) {
        return refuse(fmt::format("it contradicts {}", names::shared_workspace));
    }
    return {};
}

/// Hides files that may be readable for commands, such as those below /etc: both by name, because a
/// link may change later (certbot, a Kubernetes secret), and by present location.
void hide(ServeOptions& options) {
    auto& hidden = options.authority.codex.hidden;
    for (const fs::path& file :
         {options.tokens, fs::path(options.listeners.key), options.id_map.value_or(fs::path{})}) {
        std::error_code failed;
        if (fs::path whole = fs::absolute(file, failed); !file.empty() && !failed) {
            hidden.push_back(whole.lexically_normal());
            const fs::path real = fs::canonical(whole, failed);
            if (!failed && real != hidden.back()) {
                hidden.push_back(real);
            }
        }
    }
}

} // namespace

Result<void> complete_workspace(ServeOptions& options) {
    if (!options.kind->spawns) {
        return {};
    }
    auto& codex = options.authority.codex;
    if (!options.authority.codex_owners.work_template.empty()) {
        OA_CHECK(check_template(options));
    }
    for (fs::path& folder : codex.read_dirs) {
        if (!folder.is_absolute()) {
            return fail(Code::usage, "it is an absolute path", std::string(names::read_dir));
        }
    }
    if (::geteuid() == 0 && !options.allow_root && authority::runs_commands(codex)) {
        return fail(
            Code::usage,
            "the model would run commands as root",
            std::string(names::allow_root),
            "start as a user of its own, or give --allow-root"
        );
    }
    hide(options);
    return {};
}

Result<void>
check_owners(const ServeOptions& options, const std::optional<lane::TokenTable>& tokens) {
    if (const auto* exposed = options.listeners.exposed(); !tokens && exposed != nullptr) {
        return fail(
            Code::usage,
            fmt::format("{} is reachable from elsewhere", exposed->text()),
            std::string(names::listen),
            "configure --tokens or OA_STREAM_TOKEN, or listen on 127.0.0.1"
        );
    }
    const bool apart = !options.authority.codex_owners.work_template.empty();
    if (apart && !tokens) {
        return fail(
            Code::usage,
            "without tokens there are no owners",
            std::string(names::work_dir_template),
            "give --tokens, or --work-dir instead"
        );
    }
    if (!options.kind->spawns || !tokens || apart || options.shared_workspace ||
        tokens->owners() < 2 || !authority::runs_commands(options.authority.codex)) {
        return {};
    }
    return fail(
        Code::usage,
        fmt::format(
            "{} owners would share one work folder and one Codex home, where the model runs "
            "commands for each of them",
            tokens->owners()
        ),
        std::string(names::tokens),
        "give --work-dir-template /srv/{owner}, or --shared-workspace if they may see and change "
        "each other's files"
    );
}

Result<void>
check_approvals(const ServeOptions& options, const authority::Capabilities& capabilities) {
    if (options.lane.approvals == lane::Approvals::ask && !capabilities.approvals) {
        return fail(
            Code::config,
            "this authority never asks for an approval",
            std::string(names::approvals),
            "set --codex-profile agent, or in --codex-config an approval_policy other than "
            "\"never\""
        );
    }
    return {};
}

} // namespace oa_stream::cli
