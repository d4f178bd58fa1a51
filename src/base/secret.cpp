#include "oa_stream/base/secret.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/utf8.hpp"

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <map>
#include <mutex>
#include <system_error>
#include <tuple>
#include <utility>

namespace oa_stream {

namespace {

constexpr std::size_t k_longest_secret = 64U << 10U;

Result<std::string> from_env(const std::string& name) {
    const char* value = std::getenv(name.c_str()); // NOLINT(concurrency-mt-unsafe): nothing sets it
    if (value == nullptr || *value == '\0') {
        return fail(
            Code::credentials,
            fmt::format("environment variable {} is not set", printable(name, 60)),
            {},
            fmt::format("export {}=…", printable(name, 60))
        );
    }
    return std::string(value);
}

/// A credential that systemd gave this unit: an access list lets the unit's user read it, which
/// since systemd 254 shows as a mode of 0440. Its folder keeps everybody else out, the group as
/// well.
bool is_credential(const std::string& path) {
    namespace fs = std::filesystem;
    const char* folder =
        std::getenv("CREDENTIALS_DIRECTORY"); // NOLINT(concurrency-mt-unsafe): nothing sets it
    std::error_code unknown;
    return folder != nullptr &&
           fs::equivalent(fs::canonical(path, unknown).parent_path(), folder, unknown);
}

Result<std::string> from_file(const std::string& path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) {
        return fail(
            Code::credentials,
            errno == ENOENT ? std::string("no such secret file")
                            : fmt::format("secret file: {}", errno_text(errno)),
            path,
            "name another place: env:NAME, file:PATH or fd:N"
        );
    }
    if (S_ISDIR(info.st_mode)) {
        return fail(Code::credentials, "secret file: it is a folder", path);
    }
    const auto shared = info.st_mode & 0077U;
    if (shared != 0 && (shared != S_IRGRP || !is_credential(path))) {
        return fail(
            Code::credentials,
            "secret file can be read by others",
            path,
            fmt::format("chmod 600 {}", shell_word(path))
        );
    }
    return read_file(path, k_longest_secret);
}

Result<std::string> read_to_end(int fd) {
    std::string text;
    std::array<char, 4096> buffer{};
    while (text.size() < k_longest_secret) {
        const auto got = ::read(fd, buffer.data(), buffer.size());
        if (got < 0) {
            return fail(Code::credentials, "descriptor cannot be read", fmt::format("fd:{}", fd));
        }
        if (got == 0) {
            break;
        }
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
}

/// What was read from descriptors: a pipe gives its secret once, and several may ask for it (each
/// connection to a store, each Codex server).
class ReadDescriptors {
public:
    [[nodiscard]] Result<std::string> get(int fd) {
        const std::scoped_lock lock(mutex_);
        struct stat info{};
        if (::fstat(fd, &info) != 0) {
            return fail(Code::credentials, "no such descriptor", fmt::format("fd:{}", fd));
        }
        const Key key{fd, info.st_dev, info.st_ino}; // a number is given again
        auto found = kept_.find(key);
        if (found == kept_.end()) {
            OA_TRY(std::string text, read_to_end(fd));
            found = kept_.emplace(key, Secret(std::move(text))).first;
        }
        return std::string(found->second.reveal());
    }

private:
    using Key = std::tuple<int, dev_t, ino_t>;

    std::mutex mutex_{};
    std::map<Key, Secret> kept_{};
};

Result<std::string> from_fd(const std::string& number) {
    static ReadDescriptors read;
    OA_TRY(
        const std::uint64_t fd,
        located(parse_count(number, 0, std::numeric_limits<int>::max()), "fd:" + printable(number))
    );
    return read.get(static_cast<int>(fd));
}

} // namespace

Secret::~Secret() {
    volatile char* bytes = value_.data(); // volatile: the compiler may not drop these writes
    for (std::size_t i = 0; i < value_.size(); ++i) {
        bytes[i] = 0;
    }
}

bool Secret::equals(std::string_view other) const noexcept {
    const std::size_t longest = value_.size() > other.size() ? value_.size() : other.size();
    unsigned difference = value_.size() == other.size() ? 0U : 1U;
    for (std::size_t i = 0; i < longest; ++i) {
        const auto a = i < value_.size() ? static_cast<unsigned char>(value_[i]) : 0U;
        const auto b = i < other.size() ? static_cast<unsigned char>(other[i]) : 0U;
        difference |= a ^ b;
    }
    return difference == 0;
}

bool is_secret_reference(std::string_view text) noexcept {
    return text.starts_with("env:") || text.starts_with("file:") || text.starts_with("fd:");
}

Error secret_in_the_open() {
    return {
        Code::usage,
        "a token on the command line can be read by every process of this machine",
        {},
        "use env:NAME, file:PATH or fd:N"
    };
}

Result<Secret> read_secret(std::string_view reference) {
    const std::size_t colon = reference.find(':');
    const std::string_view kind = reference.substr(0, colon);
    const std::string rest(
        colon == std::string_view::npos ? std::string_view{} : reference.substr(colon + 1)
    );
    Result<std::string> text = std::unexpected(secret_in_the_open());
    if (kind == "env" && !rest.empty()) {
        text = from_env(rest);
    } else if (kind == "file" && !rest.empty()) {
        text = from_file(rest);
    } else if (kind == "fd" && !rest.empty()) {
        text = from_fd(rest);
    }
    if (!text) {
        return std::unexpected(std::move(text).error());
    }
    if (text->ends_with('\n')) {
        text->pop_back();
        if (text->ends_with('\r')) { // an editor of Windows ends lines so
            text->pop_back();
        }
    }
    if (text->empty()) {
        return fail(Code::credentials, fmt::format("the secret of {} is empty", reference));
    }
    if (find_refused_control(*text)) { // no header can carry it: a target would get the blame
        return fail(
            Code::credentials,
            "the secret is not one line without control characters",
            std::string(reference),
            "check for a second line or a stray line end"
        );
    }
    return Secret(std::move(*text));
}

} // namespace oa_stream
