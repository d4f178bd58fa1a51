#include "oa_stream/base/lists.hpp"
#include "oa_stream/traffic/kind.hpp"

#include <array>

namespace oa_stream::traffic {

extern const DriverKind k_local, k_haproxy, k_cloud_run, k_command;

namespace {

constexpr std::array k_kinds{&k_local, &k_haproxy, &k_cloud_run, &k_command};

} // namespace

std::span<const DriverKind* const> driver_kinds() noexcept {
    return k_kinds;
}

const DriverKind* driver_kind(std::string_view name) noexcept {
    const auto* found = find_or_null(k_kinds, name, &DriverKind::name);
    return found == nullptr ? nullptr : *found;
}

} // namespace oa_stream::traffic
