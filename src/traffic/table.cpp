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

} // namespace oa_stream::traffic
