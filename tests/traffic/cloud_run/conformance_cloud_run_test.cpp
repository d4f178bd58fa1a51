#include "cloud_run_rig.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream::traffic::testing;

TEST_CASE("driver conformance: cloud-run") {
    check_conformance([] { return std::make_unique<CloudRunRig>(); });
}
