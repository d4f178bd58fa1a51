#include "load/load_args.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;
using namespace oa_stream::cli;

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
    HostRow{"127.0.0.1:8080", "127.0.0.1", true},
    HostRow{"[::1]:80", "::1", true},
    HostRow{"http://10.0.0.1", "10.0.0.1", false},
    HostRow{"http://127.1", "127.1", false},
    HostRow{"http://0.0.0.0", "0.0.0.0", false},
    HostRow{"http://localhost.example.org", "localhost.example.org", false},
    HostRow{"http://127.0.0.1.example.org", "127.0.0.1.example.org", false},
    HostRow{"http://[2001:db8::1]", "2001:db8::1", false},
};

LoadArgs aimed_at(const char* url) {
    LoadArgs args;
    args.options.target.base_url = url;
    args.options.per_second = 10;
    return args;
}

} // namespace

TEST_CASE("load: only names that can be no other machine are this machine") {
    for (const HostRow& row : k_hosts) {
        CAPTURE(row.url);
        CHECK(host_of(row.url) == row.host);
        CHECK(is_loopback(host_of(row.url)) == row.loopback);
    }
}

TEST_CASE("load: turns of a replay are free, all others have to be allowed by the host's name") {
    LoadArgs args = aimed_at("http://127.0.0.1:8080");
    CHECK(may_cost(args, "replay").has_value());
    for (const char* authority : {"codex", ""}) {
        const auto refused = may_cost(args, authority);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == Code::precondition);
        CHECK(refused.error().message.find("300 of them") != std::string::npos);
    }
    args.allowed = {"127.0.0.2"};
    CHECK_FALSE(may_cost(args, "codex").has_value());
    args.allowed = {"127.0.0.1"};
    CHECK(may_cost(args, "codex").has_value());
}

TEST_CASE("load: rates are per second or per minute, within what makes sense") {
    CHECK(parse_rate("500/s").value() == 500);
    CHECK(parse_rate("500").value() == 500);
    CHECK(parse_rate("30/m").value() == 0.5);
    CHECK(parse_rate("0.5/s").value() == 0.5);
    for (const char* text : {"", "/s", "0/s", "-1/s", "fast", "5/h", "1e9/s", "100001/s", "5 /s"}) {
        CAPTURE(text);
        REQUIRE_FALSE(parse_rate(text).has_value());
        CHECK(parse_rate(text).error().code == Code::usage);
    }
}
