#include "kinds.hpp"

#include <algorithm>
#include <array>

namespace oa_stream::traffic {

namespace {

constexpr std::array k_kinds{&k_local, &k_haproxy, &k_cloud_run, &k_command};

} // namespace

std::span<const DriverKind* const> driver_kinds() noexcept {
    return k_kinds;
}

const DriverKind* driver_kind(std::string_view name) noexcept {
    const auto* found =
        std::ranges::find(k_kinds, name, [](const auto* kind) { return kind->name; });
    return found == k_kinds.end() ? nullptr : *found;
}

} // namespace oa_stream::traffic
