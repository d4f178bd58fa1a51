// The child's own folders under the state directory, its config.toml and its environment.
//
//   <state_dir>/codex/         0700, lock (held while this process runs)
//     home/  CODEX_HOME: config.toml, sessions, codex's databases – kept between runs
//     tmp/   TMPDIR, emptied at every open; codex refuses a CODEX_HOME below the temp folder
//     work/  codex's own cwd, and that of the threads in the agent profile
#pragma once

#include "oa_stream/authority/codex.hpp"
#include "oa_stream/base/child.hpp"
#include "oa_stream/base/redact.hpp"
#include "oa_stream/base/task.hpp"

#include "codex_toml.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace oa_stream::authority {

/// An exclusive kernel lock on a file; released by the destructor or by the process's death.
class FolderLock {
public:
    /// Code::conflict when another process holds it.
    [[nodiscard]] static Result<std::unique_ptr<FolderLock>>
    acquire(const std::filesystem::path& path);
    ~FolderLock();
    FolderLock(const FolderLock&) = delete;
    FolderLock& operator=(const FolderLock&) = delete;

private:
    explicit FolderLock(int fd) : fd_(fd) {}
    int fd_;
};

struct CodexHome {
    std::filesystem::path home{};
    std::filesystem::path tmp{};
    std::filesystem::path work{};
    std::filesystem::path cwd{}; ///< for threads
    ConfigFacts facts{};        ///< the settings in the written config.toml
    std::map<std::string, std::string> env{};
    Redactor redactor{};        ///< redacts the provider's key
    std::unique_ptr<FolderLock> lock{};
};

/// Creates and locks the folders and builds the environment. Errors: Code::usage without a
/// state_dir, Code::conflict, Code::io, Code::credentials when a key variable is unset or empty.
[[nodiscard]] Result<CodexHome> prepare_home(const CodexOptions& options);

/// Removes the files that a former child left there; yields to the loop between pieces. Keeps the
/// folder itself and does not follow links.
[[nodiscard]] Task<void> empty_folder(std::filesystem::path path);

/// The settings that an operator's server must have in force: creates and locks nothing. `work` is
/// empty. Errors: of options.config_file.
[[nodiscard]] Result<CodexHome> server_home(const CodexOptions& options);

/// Writes home/config.toml: the profile's, or a copy of options.config_file; if `catalog_json` is
/// not empty, also the catalogue next to it. Fills home.facts and adds the key variables that the
/// file names to the environment. Errors: Code::unreadable, Code::io, Code::credentials.
[[nodiscard]] Result<void>
write_config(CodexHome& home, const CodexOptions& options, const std::string& catalog_json);

} // namespace oa_stream::authority
