#include "codex_home.hpp"

#include "oa_stream/base/file.hpp"

#include "codex/health/codex_logs.hpp"
#include "codex/health/codex_rollouts.hpp"
#include "codex_profile.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>
#include <vector>

namespace oa_stream::authority {

namespace fs = std::filesystem;

namespace {

// Never the whole environment: it may contain keys of other users.
constexpr std::array k_harmless_env{
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR"
};

/// Entries removed at once, about 10 µs each; then the loop runs other work.
constexpr int k_piece = 200;

void copy_env(std::map<std::string, std::string>& env, const std::string& name) {
    const char* value = std::getenv(name.c_str()); // NOLINT(concurrency-mt-unsafe): nothing sets it
    if (value != nullptr) {
        env.insert_or_assign(name, value);
    }
}

Result<void> private_folder(const fs::path& path) {
    OA_CHECK(make_dirs(path));
    std::error_code error;
    fs::permissions(path, fs::perms::owner_all, error);
    if (error) {
        return fail(Code::io, fmt::format("cannot make it private: {}", error.message()), path);
    }
    return {};
}

Result<void> add_key(CodexHome& home, const std::string& name) {
    copy_env(home.env, name);
    const auto found = home.env.find(name);
    if (found == home.env.end() || found->second.empty()) {
        return fail(
            Code::credentials,
            fmt::format("the model provider's key is not set: environment variable {}", name),
            {},
            fmt::format("export {}=…", name)
        );
    }
    home.redactor.add_known(Secret(found->second));
    return {};
}

} // namespace

Result<std::unique_ptr<FolderLock>> FolderLock::acquire(const fs::path& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail(Code::io, errno_text(errno), path);
    }
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        ::close(fd);
        return fail(
            Code::conflict,
            "another process runs codex in this folder",
            path,
            "give each lane its own --state-dir"
        );
    }
    return std::unique_ptr<FolderLock>(new FolderLock(fd));
}

FolderLock::~FolderLock() {
    ::close(fd_);
}

Task<void> empty_folder(fs::path path) {
    std::vector<fs::path> folders{std::move(path)}; // each folder after its parent
    std::error_code ignored;
    int entries = 0;
    for (std::size_t at = 0; at < folders.size(); ++at) {
        std::error_code error;
        fs::directory_iterator each(folders[at], error);
        for (; !error && each != fs::directory_iterator(); each.increment(error)) {
            if (fs::is_directory(each->symlink_status(ignored))) {
                folders.push_back(each->path());
            } else {
                fs::remove(each->path(), ignored);
            }
            if (++entries % k_piece == 0) {
                co_await sleep_for(Millis(1));
            }
        }
    }
    for (; folders.size() > 1; folders.pop_back()) {
        fs::remove(folders.back(), ignored);
        if (++entries % k_piece == 0) {
            co_await sleep_for(Millis(1));
        }
    }
}

Result<CodexHome> prepare_home(const CodexOptions& options) {
    if (options.state_dir.empty()) {
        return fail(Code::usage, "the codex authority needs a state directory");
    }
    std::error_code error;
    const fs::path base = options.folder.empty() ? fs::absolute(options.state_dir, error) / "codex"
                                                 : fs::absolute(options.folder, error);
    CodexHome home;
    home.home = base / "home";
    home.tmp = base / "tmp";
    home.work = options.work_dir.empty() ? base / "work" : fs::absolute(options.work_dir, error);
    // For the git repository around a thread's folder, codex runs git a dozen times per turn and
    // sends path, commit and remotes to the model provider. A chat does not use the folder.
    const bool chat = options.profile == CodexProfile::chat && !options.config_file;
    home.cwd = chat && options.work_dir.empty() ? fs::path("/") : home.work;
    for (const fs::path& path : {base, home.home, home.tmp}) {
        OA_CHECK(private_folder(path));
    }
    OA_CHECK(make_dirs(home.work));
    // If a skills folder is missing, Codex watches its parent, which is its home. Each write to its
    // databases then made it search for skills again, 120 times per turn (0.169.0).
    for (const char* skills : {"skills", ".agents/skills"}) {
        OA_CHECK(make_dirs(home.home / skills));
    }
    OA_TRY(home.lock, FolderLock::acquire(base / "lock"));
    remove_logs(home.home);
    restore_ages(home.home);
    for (const char* name : k_harmless_env) {
        copy_env(home.env, name);
    }
    for (const std::string& name : options.env_allow) {
        copy_env(home.env, name);
    }
    home.env["HOME"] = home.home; // hides the user's own ~/.codex
    home.env["CODEX_HOME"] = home.home;
    home.env["TMPDIR"] = home.tmp;
    return home;
}

Result<CodexHome> server_home(const CodexOptions& options) {
    std::string text = profile_config(options, {});
    if (options.config_file) {
        OA_TRY(text, read_file(*options.config_file, 1U << 20U));
    }
    CodexHome home;
    home.facts = read_config_facts(text);
    return home;
}

Result<void>
write_config(CodexHome& home, const CodexOptions& options, const std::string& catalog_json) {
    std::string text;
    if (options.config_file) {
        OA_TRY(text, read_file(*options.config_file, 1U << 20U));
    } else {
        const fs::path catalog = home.home / "chat-catalog.json";
        if (!catalog_json.empty()) {
            OA_CHECK(write_file_atomic(catalog, catalog_json, 0600));
        }
        text = profile_config(
            options, catalog_json.empty() ? std::string{} : catalog.string(), home.tmp
        );
    }
    home.facts = read_config_facts(text);
    for (const std::string& name : home.facts.env_keys) {
        OA_CHECK(add_key(home, name));
    }
    return write_file_atomic(home.home / "config.toml", text, 0600);
}

} // namespace oa_stream::authority
