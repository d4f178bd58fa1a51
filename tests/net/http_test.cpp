#include "oa_stream/net/http.hpp"
#include "oa_stream/net/secret_header.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream::net;

namespace {

struct EndpointRow {
    std::string_view text;
    std::string_view host;
    int port; ///< -1: refused
    bool loopback;
};

constexpr std::array k_endpoints{
    EndpointRow{"127.0.0.1:8080", "127.0.0.1", 8080, true},
    EndpointRow{"127.9.9.9:1", "127.9.9.9", 1, true},
    EndpointRow{"localhost:0", "localhost", 0, true},
    EndpointRow{"LocalHost:65535", "LocalHost", 65535, true},
    EndpointRow{"0.0.0.0:80", "0.0.0.0", 80, false},
    EndpointRow{"[::1]:443", "::1", 443, true},
    EndpointRow{"[::]:443", "::", 443, false},
    EndpointRow{"[::ffff:127.0.0.1]:9", "::ffff:127.0.0.1", 9, true},
    EndpointRow{"lane.example.com:443", "lane.example.com", 443, false},
    EndpointRow{"127.0.0.1.evil.example:80", "127.0.0.1.evil.example", 80, false},
    EndpointRow{"", "", -1, false},
    EndpointRow{"8080", "", -1, false},
    EndpointRow{":8080", "", -1, false},
    EndpointRow{"host:", "", -1, false},
    EndpointRow{"host:65536", "", -1, false},
    EndpointRow{"host:-1", "", -1, false},
    EndpointRow{"host:080", "", -1, false},
    EndpointRow{"host:0x50", "", -1, false},
    EndpointRow{"host: 80", "", -1, false},
    EndpointRow{"::1:80", "", -1, false},
    EndpointRow{"[::1:80", "", -1, false},
    EndpointRow{"[localhost]:80", "", -1, false},
    EndpointRow{"[]:80", "", -1, false},
    EndpointRow{"ho st:80", "", -1, false},
    EndpointRow{"http://host:80", "", -1, false},
    EndpointRow{"host/path:80", "", -1, false},
    EndpointRow{"unix:relative", "", -1, false},
    EndpointRow{"unix:", "", -1, false},
};

} // namespace

TEST_CASE("endpoint: host:port, [v6]:port and nothing looser") {
    for (const auto& row : k_endpoints) {
        DYNAMIC_SECTION("'" << row.text << "'") {
            const auto endpoint = parse_endpoint(row.text);
            REQUIRE(endpoint.has_value() == (row.port >= 0));
            if (endpoint) {
                CHECK(endpoint->host == row.host);
                CHECK(endpoint->port == row.port);
                CHECK(endpoint->loopback() == row.loopback);
                CHECK(endpoint->text() == row.text);
            }
        }
    }
}

TEST_CASE("endpoint: unix:/path is local and keeps its path") {
    const auto endpoint = parse_endpoint("unix:/run/oa/lane.sock");
    REQUIRE(endpoint.has_value());
    CHECK(endpoint->unix_path == "/run/oa/lane.sock");
    CHECK(endpoint->host.empty());
    CHECK(endpoint->loopback());
    CHECK(endpoint->text() == "unix:/run/oa/lane.sock");
}

TEST_CASE("headers: names compare without case, order and spelling stay") {
    Headers headers{{"Content-Type", "text/plain"}, {"X-One", "1"}};
    headers.add("x-one", "2");
    CHECK(headers.get("content-type") == "text/plain");
    CHECK(headers.get("X-ONE") == "1");
    CHECK(headers.has("x-One"));
    CHECK_FALSE(headers.has("x-on"));
    CHECK_FALSE(headers.get("absent").has_value());
    REQUIRE(headers.all().size() == 3);
    CHECK(headers.all()[0].first == "Content-Type");
    CHECK(headers.all()[2] == std::pair<std::string, std::string>("x-one", "2"));
}

TEST_CASE("headers: set replaces every field of that name in the first one's place") {
    Headers headers{{"a", "1"}, {"B", "2"}, {"A", "3"}, {"c", "4"}};
    headers.set("A", "new");
    REQUIRE(headers.all().size() == 3);
    CHECK(headers.all()[0] == std::pair<std::string, std::string>("A", "new"));
    CHECK(headers.all()[1].first == "B");
    CHECK(headers.all()[2].first == "c");
    headers.set("d", "5");
    CHECK(headers.all().back() == std::pair<std::string, std::string>("d", "5"));
}

TEST_CASE("headers: remove takes every field of that name") {
    Headers headers{{"a", "1"}, {"b", "2"}, {"A", "3"}};
    headers.remove("a");
    REQUIRE(headers.all().size() == 1);
    CHECK(headers.all()[0].first == "b");
    headers.remove("absent");
    CHECK(headers.all().size() == 1);
}

TEST_CASE("http: headers that hold secrets are known by their names") {
    for (const char* name :
         {"Authorization", "proxy-authorization", "Cookie", "X-Api-Key", "x-auth-token", "X-Secret"
         }) {
        CAPTURE(name);
        CHECK(is_secret_header(name));
    }
    for (const char* name :
         {"X-Team", "Idempotency-Key", "X-Oa-Route-Key", "Accept", "x-key-id", "traceparent", ""}) {
        CAPTURE(name);
        CHECK_FALSE(is_secret_header(name));
    }
}
