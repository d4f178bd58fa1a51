#include "haproxy_rig.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::traffic;
using namespace oa_stream::traffic::testing;

TEST_CASE("driver conformance: haproxy") {
    check_conformance([] { return std::make_unique<HaproxyRig>(); });
}
