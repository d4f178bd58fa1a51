// serve's command line as one struct.
#pragma once

#include "oa_stream/authority/kind.hpp"
#include "oa_stream/base/log.hpp"
#include "oa_stream/lane/config.hpp"
#include "oa_stream/store/address.hpp"

#include "core/command.hpp"
#include "serve_listeners.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace oa_stream::cli {

struct ServeOptions {
    ListenerOptions listeners{};
    lane::LaneConfig lane{};
    const authority::AuthorityKind* kind = nullptr; ///< never null after parsing
    std::vector<std::string> models{}; ///< NAME or NAME=LABEL; the first is the default
    std::optional<std::string> revision{};
    authority::AuthorityOptions authority{};
    std::string codex_token{}; ///< reference to the Codex servers' token; empty: none
    Millis codex_reconnect{10'000}; ///< how long turns wait for a Codex server that is unavailable
    store::StoreOptions store{}; ///< its url is empty: this lane is alone
    bool resend_given = false; ///< set as a limit, so that the body limit does not also set it
    std::string store_limit{}; ///< a limit that was set and requires a store; empty: none
    bool faults_given = false;
    bool shared_workspace = false; ///< several owners may share a work folder and a Codex home
    bool allow_root = false; ///< the model may run commands as root
    std::filesystem::path tokens{}; ///< empty: no token file
    std::filesystem::path compat_policy{}; ///< empty: the default window
    std::filesystem::path lane_file{}; ///< empty: the mode of --lane stays
    std::optional<std::filesystem::path> id_map{}; ///< empty: in memory
    std::filesystem::path ready_file{};
    std::filesystem::path access_log{}; ///< empty: stderr
    LogLevel log_level = LogLevel::info;
    std::filesystem::path log_level_file{}; ///< empty: the level of --log-level stays
    Millis drain_timeout{10000};
    Millis drain_notice{5000}; ///< part of the drain time, with a store
};

/// Requires characters that headers and metrics allow. Errors: Code::usage with the option's name.
[[nodiscard]] Result<void> check_revision(std::string_view name, std::string_view option);

/// Computes settings that depend on several options, on the environment and on the state directory.
/// Errors: Code::usage with the option's name.
[[nodiscard]] Result<void> complete_options(ServeOptions& options, const Context& context);

/// A size in the form of config::read_size(), of at least one byte.
[[nodiscard]] Result<std::size_t> read_size(std::string_view text);

/// Sets one limit from "NAME=VALUE" (counts plain, sizes like 64m, times with a unit).
[[nodiscard]] Result<void> set_limit(ServeOptions& options, std::string_view text);
/// Every limit's name and default, in the form of set_limit().
[[nodiscard]] std::vector<std::pair<std::string, std::string>> all_limits();

} // namespace oa_stream::cli
