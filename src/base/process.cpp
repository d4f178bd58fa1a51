#include "oa_stream/base/process.hpp"

#include "oa_stream/base/file.hpp"

#include <fmt/format.h>

#include <dlfcn.h>
#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <string>

namespace oa_stream {
namespace {

std::optional<std::string> of_user(uid_t user, char* passwd::* field) {
    constexpr std::size_t k_room = 16384;
    std::array<char, k_room> room{};
    passwd entry{};
    passwd* found = nullptr;
    const int failed = ::getpwuid_r(user, &entry, room.data(), room.size(), &found);
    return failed == 0 && found != nullptr ? std::optional<std::string>(entry.*field)
                                           : std::nullopt;
}

} // namespace

void raise_descriptor_limit() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

void* late_symbol(const char* library, const char* name, const char* package) {
    constexpr int k_not_loaded = 127;
    void* const handle = ::dlopen(library, RTLD_NOW | RTLD_LOCAL); // the same one each time
    void* const found = handle != nullptr ? ::dlsym(handle, name) : nullptr;
    if (found == nullptr) {
        const char* const why = ::dlerror(); // NOLINT(concurrency-mt-unsafe): one a thread in glibc
        const auto text = fmt::format(
            "oa-stream: {} (install the package {})\n", why == nullptr ? library : why, package
        );
        static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
        ::_exit(k_not_loaded);
    }
    return found;
}

std::optional<ProcessState> process_state(std::int64_t pid) {
    const auto text = read_file(fmt::format("/proc/{}/stat", pid), 64U << 10U);
    // The name before may hold blanks and parentheses.
    const auto name_end = text ? text->rfind(") ") : std::string::npos;
    if (name_end == std::string::npos || name_end + 2 >= text->size()) {
        return std::nullopt;
    }
    constexpr int k_start_field = 19; // counted from the state, which follows the name
    std::size_t at = name_end + 1;
    for (int field = 0; field < k_start_field && at != std::string::npos; ++field) {
        at = text->find(' ', at + 1);
    }
    ProcessState out{.state = (*text)[name_end + 2]};
    if (at != std::string::npos) {
        (void)std::from_chars(text->data() + at + 1, text->data() + text->size(), out.start);
    }
    return out;
}

bool is_stopped(std::int64_t pid) {
    const auto found = process_state(pid);
    return found && found->state == 'T';
}

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

std::optional<std::string> user_name(uid_t user) {
    return of_user(user, &passwd::pw_name);
}

std::string account_name(uid_t user) {
    return user_name(user).value_or("uid " + std::to_string(user));
}

std::optional<std::string> user_home(uid_t user) {
    return of_user(user, &passwd::pw_dir);
}

} // namespace oa_stream
