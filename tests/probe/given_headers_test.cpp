#include "oa_stream/base/redact.hpp"
#include "oa_stream/probe/given_headers.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstdlib>

using namespace oa_stream;
using namespace oa_stream::probe;

TEST_CASE("given headers: each cookie is a secret, however many there are and were given") {
    const auto* both = "sid=abcdefgh77; theme=darkblue";
    ::setenv("OA_TEST_SESSION", both, 1); // NOLINT(concurrency-mt-unsafe): one thread
    const auto [line, sent] = GENERATE_COPY(table<std::string, std::string>(
        {{"Cookie: sid=abcdefgh77", "sid=abcdefgh77"},
         {std::string("Cookie: ") + both, both},
         {R"(Cookie: a=b; sid="abcdefgh77")", R"(a=b; sid="abcdefgh77")"},
         {"Cookie: env:OA_TEST_SESSION", both}}
    ));
    CAPTURE(line);
    const auto read = read_headers(std::array{line});
    REQUIRE(read);
    CHECK(read->values.get("cookie") == sent);
    Redactor redactor;
    for (const Secret& secret : read->hidden) {
        redactor.add_known(secret, "of a header");
    }
    CHECK(redactor.apply("you are abcdefgh77.") == "you are **********.");
    CHECK(redactor.apply(R"({"a":"abcdefgh77"})") == R"({"a":"**********"})"); // still JSON
}
