#include "oa_stream/base/url.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <string>

using namespace oa_stream;

namespace {

struct HostRow {
    const char* url;
    const char* host;
    bool loopback;
};
constexpr std::array k_hosts{
    HostRow{"http://127.0.0.1:8080", "127.0.0.1", true},
    HostRow{"http://127.9.9.9/path", "127.9.9.9", true},
    HostRow{"https://LocalHost", "LocalHost", true},
    HostRow{"http://[::1]:8080", "::1", true},
    HostRow{"http://[::ffff:127.0.0.1]", "::ffff:127.0.0.1", true},
    HostRow{"127.0.0.1:8080", "127.0.0.1", true},
    HostRow{"[::1]:80", "::1", true},
    HostRow{"http://localhost?x", "localhost", true},
    HostRow{"http://10.0.0.1", "10.0.0.1", false},
    HostRow{"http://127.1", "127.1", false},
    HostRow{"http://0.0.0.0", "0.0.0.0", false},
    HostRow{"http://localhost.evil.com", "localhost.evil.com", false},
    HostRow{"http://localhost:80@evil.com/", "evil.com", false},
    HostRow{"http://127.0.0.1.example.org", "127.0.0.1.example.org", false},
    HostRow{"http://[2001:db8::1]", "2001:db8::1", false},
    HostRow{"", "", false},
};

} // namespace

TEST_CASE("url: only names that can be no other machine are this machine") {
    for (const HostRow& row : k_hosts) {
        CAPTURE(row.url);
        CHECK(host_of(row.url) == row.host);
        CHECK(is_loopback(host_of(row.url)) == row.loopback);
    }
}

TEST_CASE("url: an address that no request can go to is told from one where nobody answers") {
    for (const char* url :
         {"http://127.0.0.1",
          "http://127.0.0.1:1",
          "https://a.example:65535/x/y",
          "http://[::1]",
          "http://[::1]:8080/",
          "ws://[fe80::1%25eth0]:80",
          "http://a_b.example/p:q",
          "http://user:word@h:80/x"}) {
        CAPTURE(url);
        CHECK(url_fault(url).empty());
    }
    for (const char* url :
         {"http://",
          "http://:8080",
          "http://h:",
          "http://h:0",
          "http://h:65536",
          "http://h:99999/x",
          "http://h:80a",
          "http://h:+80",
          "http://[::1",
          "http://[]",
          "http://[::1]8080",
          "http://a b",
          "http://a/\x1b[31m",
          "http://user:word@h:0",
          "http://user:word@",
          "http://b\xC3\xBC"
          "cher.example"}) {
        CAPTURE(url);
        CHECK_FALSE(url_fault(url).empty());
    }
    for (const char* url : {"http://::1:8080", "http://::1", "http://fe80::1/x"}) {
        CAPTURE(url);
        CHECK(url_fault(url).contains("stands in brackets"));
    }
    CHECK(has_credentials("http://u:p@h/"));
    CHECK(has_credentials("u:p@h:80"));
    CHECK_FALSE(has_credentials("http://h/@u?a@b"));
}

TEST_CASE("url: base URLs are http, have a host and nothing that a log would keep") {
    CHECK(http_url("HTTP://Host:80/").value() == "http://Host:80");
    CHECK(http_url("https://a.example/x//").value() == "https://a.example/x");
    CHECK(http_url("http://a/b@c").value() == "http://a/b@c");
    for (const char* text :
         {"",
          "a.example",
          "ftp://a",
          "http://",
          "http://u:p@a",
          "http://a?x",
          "http://a#x",
          "http://a b",
          "http://a:99999",
          "http://a:",
          "http://[::1"}) {
        CAPTURE(text);
        CHECK_FALSE(http_url(text));
    }
    for (const char* text : {"http://u:hunter2@a", "ftp://u:hunter2@a", "u:hunter2@a:80"}) {
        CAPTURE(text);
        REQUIRE_FALSE(http_url(text));
        CHECK_FALSE(http_url(text).error().text().contains("hunter2"));
    }
}

TEST_CASE("url: a base URL with a path is told from the one without") {
    CHECK(base_path_advice("http://a:1").empty());
    CHECK(base_path_advice("https://[::1]:8080").empty());
    CHECK(
        base_path_advice("http://a:1/api/v1") ==
        "; the base URL has the path /api/v1, and requests add their own: try http://a:1"
    );
}

TEST_CASE("url: a value of a query holds nothing that ends it") {
    CHECK(percent_encode("aZ09-._~") == "aZ09-._~");
    CHECK(percent_encode("a b&c=d/\xC3\xA9%+\"") == "a%20b%26c%3Dd%2F%C3%A9%25%2B%22");
}

TEST_CASE("url: a socket's path that no address has room for is told with both lengths") {
    CHECK(socket_path_fault("/run/oa/lane.sock").empty());
    CHECK(socket_path_fault("/" + std::string(106, 'x')).empty());
    CHECK(
        socket_path_fault("/" + std::string(107, 'x')) ==
        "a socket's path has at most 107 bytes, this one 108"
    );
}

TEST_CASE("url: one port is one place, however its host is written") {
    struct Row {
        const char* a;
        const char* b;
        bool same;
    };
    for (const Row& row : {
             Row{"http://127.0.0.1:1", "http://127.0.0.1:1", true},
             Row{"http://127.0.0.1:1", "http://localhost:1", true},
             Row{"http://LOCALHOST:1", "http://[::1]:1", true},
             Row{"http://[::ffff:127.0.0.1]:1", "https://[0:0::1]:1", true},
             Row{"http://a.example", "https://A.example:80", true},
             Row{"https://[2001:db8::1]", "http://[2001:db8:0::1]:443", true},
             Row{"http://a.example/x", "http://a.example/x", true},
             Row{"http://a.example/x", "http://a.example/y", false},
             Row{"http://127.0.0.1:1", "http://127.0.0.1:2", false},
             Row{"http://127.0.0.1:1", "http://127.0.0.2:1", false},
             Row{"http://a.example", "https://a.example", false},
             Row{"http://a.example:1", "http://b.example:1", false},
         }) {
        CAPTURE(row.a, row.b);
        CHECK(same_place(row.a, row.b) == row.same);
        CHECK(same_place(row.b, row.a) == row.same);
    }
}
