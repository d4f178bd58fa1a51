#include "oa_stream/base/whoami.hpp"

#include <pwd.h>
#include <unistd.h>

#include <array>

namespace oa_stream {

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

std::optional<std::string> user_name(uid_t user) {
    constexpr std::size_t k_room = 16384;
    std::array<char, k_room> room{};
    passwd entry{};
    passwd* found = nullptr;
    const int failed = ::getpwuid_r(user, &entry, room.data(), room.size(), &found);
    return failed == 0 && found != nullptr ? std::optional<std::string>(entry.pw_name)
                                           : std::nullopt;
}

} // namespace oa_stream
