// The target's own count of a load, from /metrics behind one address.
#include "load/load_counter.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using oa_stream::cli::LoadCounter;

namespace {

std::string scrape(std::string_view process, int good, int left = 0) {
    return fmt::format(
        "oa_stream_http_requests_total{{route=\"/api/chat/"
        "stream\",method=\"POST\",status=\"200\"}} "
        "{}\n"
        "oa_stream_http_requests_total{{route=\"/api/chat/"
        "stream\",method=\"POST\",status=\"499\"}} "
        "{}\n"
        "oa_stream_http_requests_total{{route=\"/api/chat/stream\",method=\"POST\",status=\"502\","
        "probe=\"true\"}} 90\n"
        "oa_stream_http_requests_total{{route=\"/api/chat/stream\",method=\"GET\",status=\"405\"}} "
        "9\n"
        "oa_stream_http_requests_total{{route=\"/api/chat\",method=\"POST\",status=\"200\"}} 5\n"
        "oa_stream_process_info{{id=\"{}\"}} 1\n",
        good,
        left,
        process
    );
}

constexpr std::string_view k_route = "/api/chat/stream";

} // namespace

TEST_CASE("load counter: POSTs of the route whatever their status, those of probes never") {
    LoadCounter counter;
    CHECK_FALSE(counter.counted(k_route).has_value());
    counter.add("up 1\n");
    CHECK_FALSE(counter.counted(k_route).has_value());
    counter.add(scrape("a", 7, 2));
    CHECK(counter.counted(k_route) == 0U);
    counter.begin();
    counter.add(scrape("a", 10, 4));
    CHECK(counter.counted(k_route) == 5U);
}

TEST_CASE("load counter: what instances in turn count is added up, never differenced") {
    LoadCounter counter;
    counter.add(scrape("a", 1000));
    counter.add(scrape("b", 3));
    CHECK(counter.scrapes() == 5);
    counter.begin();
    counter.add(scrape("a", 1010));
    counter.add(scrape("b", 13));
    counter.add(scrape("a", 1020));
    CHECK(counter.counted(k_route) == 30U);
    SECTION("one that comes late has counts of before the load") {
        counter.add(scrape("c", 500));
        CHECK_FALSE(counter.counted(k_route).has_value());
    }
}
