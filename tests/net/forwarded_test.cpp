// Who the client is, when somebody in between says so.
#include "oa_stream/net/forwarded.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::net;

namespace {

TrustedProxies proxies_of(const std::vector<std::string>& list) {
    TrustedProxies proxies;
    for (const auto& text : list) {
        REQUIRE(proxies.add(text));
    }
    return proxies;
}

struct Row {
    const char* rule;
    const char* peer;
    std::vector<std::pair<std::string, std::string>> fields;
    const char* client;
    bool secure = false;
};

} // namespace

TEST_CASE("forwarded: only a listed peer is believed, and back along listed proxies only") {
    const auto proxies = proxies_of({"10.0.0.0/8", "192.0.2.7", "2001:db8::/33", "unix"});
    const std::string xff = "X-Forwarded-For";
    const std::vector<Row> rows{
        {"a stranger's word is nothing", "203.0.113.9:5", {{xff, "1.2.3.4"}}, "203.0.113.9"},
        {"just outside the network", "11.0.0.1:5", {{xff, "1.2.3.4"}}, "11.0.0.1"},
        {"a listed peer without a word", "10.1.2.3:5", {}, "10.1.2.3"},
        {"a listed peer's word", "10.1.2.3:5", {{xff, "1.2.3.4"}}, "1.2.3.4"},
        {"a single address is a network", "192.0.2.7:5", {{xff, "1.2.3.4"}}, "1.2.3.4"},
        {"its neighbour is not", "192.0.2.8:5", {{xff, "1.2.3.4"}}, "192.0.2.8"},
        {"the last stranger counts", "10.1.2.3:5", {{xff, "6.6.6.6, 1.2.3.4"}}, "1.2.3.4"},
        {"past a listed one", "10.1.2.3:5", {{xff, "6.6.6.6,1.2.3.4, 10.9.9.9"}}, "1.2.3.4"},
        {"all of them listed", "10.1.2.3:5", {{xff, "10.0.0.1, 10.0.0.2"}}, "10.0.0.1"},
        {"several fields are one list",
         "10.1.2.3:5",
         {{xff, "6.6.6.6"}, {xff, "1.2.3.4"}},
         "1.2.3.4"},
        {"nonsense ends the walk", "10.1.2.3:5", {{xff, "1.2.3.4, what, 10.0.0.2"}}, "10.0.0.2"},
        {"an empty field", "10.1.2.3:5", {{xff, ""}}, "10.1.2.3"},
        {"with a port", "10.1.2.3:5", {{xff, "1.2.3.4:999"}}, "1.2.3.4"},
        {"IPv6", "10.1.2.3:5", {{xff, "2001:DB8:8000::0001"}}, "2001:db8:8000::1"},
        {"IPv6 in brackets", "10.1.2.3:5", {{xff, "[2001:db8:8000::1]:80"}}, "2001:db8:8000::1"},
        {"an IPv6 proxy", "[2001:db8::1]:5", {{xff, "1.2.3.4"}}, "1.2.3.4"},
        {"an IPv6 neighbour", "[2001:db8:8000::1]:5", {{xff, "1.2.3.4"}}, "2001:db8:8000::1"},
        {"a mapped IPv4 peer", "[::ffff:10.1.2.3]:5", {{xff, "1.2.3.4"}}, "1.2.3.4"},
        {"a unix peer, when listed", "unix", {{xff, "1.2.3.4"}}, "1.2.3.4"},
        {"Forwarded", "10.1.2.3:5", {{"Forwarded", "for=1.2.3.4;by=10.1.2.3"}}, "1.2.3.4"},
        {"Forwarded, quoted",
         "10.1.2.3:5",
         {{"Forwarded", "For=\"[2001:db8:8000::1]:4711\""}},
         "2001:db8:8000::1"},
        {"Forwarded, a list",
         "10.1.2.3:5",
         {{"Forwarded", "for=6.6.6.6, for=1.2.3.4;proto=https, for=10.0.0.2"}},
         "1.2.3.4",
         true},
        {"a comma in quotes is none",
         "10.1.2.3:5",
         {{"Forwarded", "for=1.2.3.4;host=\"a,for=6.6.6.6\""}},
         "1.2.3.4"},
        {"unknown", "10.1.2.3:5", {{"Forwarded", "for=unknown"}}, "10.1.2.3"},
        {"hidden", "10.1.2.3:5", {{"Forwarded", "for=_secret"}}, "10.1.2.3"},
        {"both agree", "10.1.2.3:5", {{"Forwarded", "for=1.2.3.4"}, {xff, "1.2.3.4"}}, "1.2.3.4"},
        {"both disagree: nobody is believed",
         "10.1.2.3:5",
         {{"Forwarded", "for=6.6.6.6"}, {xff, "1.2.3.4"}},
         "10.1.2.3"},
        {"proto of a listed peer",
         "10.1.2.3:5",
         {{xff, "1.2.3.4"}, {"X-Forwarded-Proto", "https"}},
         "1.2.3.4",
         true},
        {"proto of a stranger", "203.0.113.9:5", {{"X-Forwarded-Proto", "https"}}, "203.0.113.9"},
    };
    for (const auto& row : rows) {
        DYNAMIC_SECTION(row.rule) {
            Headers headers;
            for (const auto& [name, value] : row.fields) {
                headers.add(name, value);
            }
            const auto client = client_of(proxies, row.peer, headers, false);
            CHECK(client.address == row.client);
            CHECK(client.secure == row.secure);
        }
    }
}

TEST_CASE("forwarded: without a list nobody is believed") {
    const Headers headers{{"X-Forwarded-For", "1.2.3.4"}, {"X-Forwarded-Proto", "http"}};
    for (const std::string peer : {"127.0.0.1:5", "unix"}) {
        const auto client = client_of({}, peer, headers, true);
        CHECK(client.address == (peer == "unix" ? "unix" : "127.0.0.1"));
        CHECK(client.secure);
    }
}

TEST_CASE("forwarded: a chain without end is not walked for ever") {
    Headers headers;
    for (int hop = 0; hop < 100'000; ++hop) {
        headers.add("X-Forwarded-For", "10.0.0.1");
    }
    CHECK(
        client_of(proxies_of({"10.0.0.0/8"}), "10.1.2.3:5", headers, false).address == "10.0.0.1"
    );
}

TEST_CASE("forwarded: what is no network is refused") {
    TrustedProxies proxies;
    for (const auto* const text :
         {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::/129", "localhost", "10.0.0.0/-1", "unix:"
         }) {
        CAPTURE(text);
        CHECK(proxies.add(text).error().code == Code::usage);
    }
    CHECK(proxies.add("0.0.0.0/0"));
    CHECK(proxies.trusts("9.9.9.9:1"));
    CHECK_FALSE(proxies.trusts("[2001:db8::1]:1"));
    CHECK_FALSE(proxies.trusts("unix"));
}
