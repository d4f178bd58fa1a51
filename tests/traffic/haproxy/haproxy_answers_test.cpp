#include "haproxy/haproxy_answers.hpp"
#include "haproxy/haproxy_view.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace oa_stream;
using namespace oa_stream::traffic;

namespace {

const std::string k_info = "Name: HAProxy\nVersion: 2.6.12\nNbthread: 2\nPid: 4711\n"
                           "Uptime: 0d 0h01m05s\nUptime_sec: 65\nStart_time_sec: 1795184885\n\n";
const std::string k_state =
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight "
    "srv_iweight srv_port srv_use_ssl\n"
    "3 chat 1 stable 127.0.0.1 2 0 95 100 9001 0\n"
    "3 chat 2 canary ::1 0 5 5 100 9002 0\n\n";
const std::string k_stat =
    "# pxname,svname,scur,stot,econ,eresp,wredis,status,throttle,bck,hrsp_2xx,cli_abrt,srv_abrt,"
    "algo,cookie,-,new_column,\n"
    "other,stable,9,9,9,9,9,DOWN,,0,9,9,9,,,-,7,\n" // another backend's
    "chat,stable,2,100,0,0,0,UP,,0,98,3,0,,,-,7,\n"
    "chat,canary,1,20,1,3,2,DOWN 1/2,40,1,14,1,2,,,-,7,\n"
    "chat,BACKEND,3,120,1,3,2,UP,,0,112,4,2,roundrobin,lane,-,7,\n\n";

std::string all(const std::string& info, const std::string& state, const std::string& stat) {
    return "admin\n\n" + info + state + stat;
}

} // namespace

TEST_CASE("haproxy answers: columns are found by name, whatever else a build prints") {
    const auto now = parse_snapshot(all(k_info, k_state, k_stat), "chat");
    INFO((now ? "" : now.error().text()));
    REQUIRE(now.has_value());
    CHECK(now->process.version == "2.6.12");
    CHECK(now->process.pid == 4711);
    CHECK(now->process.uptime_s == 65);
    CHECK(now->process.level == "admin");
    CHECK(now->algorithm == "roundrobin");
    CHECK(now->persistence == "lane");
    REQUIRE(now->servers.size() == 2);
    const HaproxyFacts& stable = now->servers[0];
    CHECK(stable.weight == 95);
    CHECK(stable.initial == 100);
    CHECK(stable.up());
    CHECK(stable.throttle == 100);
    CHECK(stable.count("hrsp_2xx") == 98);
    CHECK(stable.count("no_such_column") == 0);
    const HaproxyFacts& canary = now->servers[1];
    CHECK(canary.rotation == Rotation::maint);
    CHECK(canary.throttle == 40);
    CHECK(canary.backup);
    CHECK_FALSE(canary.up());
}

TEST_CASE("haproxy answers: streams are active, finished or broken, whatever the counters overlap"
) {
    const auto now = parse_snapshot(all(k_info, k_state, k_stat), "chat");
    REQUIRE(now.has_value());
    const StreamCounts stable = streams_of(now->servers[0]);
    CHECK(stable.active == 2);
    CHECK(stable.finished == 95); // 100 less 2 under way and 3 whose client left
    CHECK(stable.broken == 0);
    // 1 refused, 2 handed to another server, 2 broken in the middle, 1 reset before its head.
    const StreamCounts canary = streams_of(now->servers[1]);
    CHECK(canary.active == 1);
    CHECK(canary.broken == 6);
    CHECK(canary.finished == 12);
}

TEST_CASE("haproxy answers: what is admin state by bits is a word") {
    struct Case {
        unsigned bits;
        Rotation rotation;
    };
    for (const Case& one : {
             Case{0, Rotation::ready},
             Case{1, Rotation::maint},
             Case{2, Rotation::maint},    // a tracked server's
             Case{4, Rotation::ready},    // was disabled in the file, and told ready since
             Case{5, Rotation::maint},    // is disabled in the file
             Case{8, Rotation::drain},
             Case{12, Rotation::drain},
             Case{0x10, Rotation::drain}, // a tracked server's
             Case{0x20, Rotation::maint}, // no address
         }) {
        const std::string state = fmt::format(
            "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight "
            "srv_iweight srv_port\n3 chat 1 stable 127.0.0.1 2 {} 95 100 9001\n\n",
            one.bits
        );
        const std::string stat = "# pxname,svname,status\nchat,stable,UP\n\n";
        const auto now = parse_snapshot(all(k_info, state, stat), "chat");
        REQUIRE(now.has_value());
        INFO(one.bits);
        CHECK(now->servers.at(0).rotation == one.rotation);
    }
}

TEST_CASE("haproxy answers: nonsense is an error of protocol, at every byte") {
    const std::string whole = all(k_info, k_state, k_stat);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto cut = parse_snapshot(whole.substr(0, size), "chat");
        INFO(size);
        REQUIRE_FALSE(cut.has_value());
        REQUIRE(cut.error().code == Code::protocol);
        REQUIRE(cut.error().message.find('\n') == std::string::npos);
    }
    const std::string good_row = "3 chat 1 stable 127.0.0.1 2 0 95 100 9001 0";
    for (const char* row : {
             "3 chat 1 stable 127.0.0.1 2 0 257 100 9001 0",
             "3 chat 1 stable 127.0.0.1 2 0 -1 100 9001 0",
             "3 chat 1 stable 127.0.0.1 2 x 95 100 9001 0",
             "3 chat 1 stable",
         }) {
        std::string state = k_state;
        state.replace(state.find(good_row), good_row.size(), row);
        const auto now = parse_snapshot(all(k_info, state, k_stat), "chat");
        INFO(row);
        REQUIRE_FALSE(now.has_value());
        CHECK(now.error().code == Code::protocol);
    }
    std::string most = k_state;
    most.replace(most.find(good_row), good_row.size(), "3 chat 1 stable ::1 2 0 256 256 9001 0");
    const auto read = parse_snapshot(all(k_info, most, k_stat), "chat");
    REQUIRE(read.has_value());
    CHECK(read->servers.at(0).weight == 256);
    CHECK(read->servers.at(0).initial == 256);
    std::string other = k_stat;
    other.replace(other.find("chat,canary"), 11, "chat,nobody");
    CHECK(parse_snapshot(all(k_info, k_state, other), "chat").error().code == Code::protocol);
    CHECK(parse_snapshot("<html>\n\n<body>\n\n\n\n\n\n", "chat").error().code == Code::protocol);
}

TEST_CASE("haproxy answers: a missing backend is named") {
    const auto now =
        parse_snapshot(all(k_info, "Can't find backend.\n\n", "No such proxy.\n\n"), "nope");
    REQUIRE_FALSE(now.has_value());
    CHECK(now.error().code == Code::precondition);
    CHECK(now.error().message.find("'nope'") != std::string::npos);
}

TEST_CASE("haproxy answers: after a write every complaint is kept, whatever it ends with") {
    struct Case {
        std::string answers, complaint;
    };
    for (const Case& one : std::vector<Case>{
             {"\n\n", ""},
             {"\nNo such server.\n\n", "No such server."},
             {"No such server.\n\n\n", "No such server."},
             {"Trailing garbage in weight string\n\n", "Trailing garbage in weight string"},
             {"Permission denied\n\nPermission denied\n\n", "Permission denied"},
             {"Require 'backend/server'.\n\nProxy is disabled.\n\n",
              "Require 'backend/server'. Proxy is disabled."},
         }) {
        const auto written = parse_written(one.answers + k_info + k_state, "chat");
        INFO(one.answers);
        REQUIRE(written.has_value());
        CHECK(written->complaint == one.complaint);
        CHECK(written->servers.at("stable") == ServerSetting{95, Rotation::ready});
        CHECK(written->servers.at("canary") == ServerSetting{5, Rotation::maint});
        CHECK(written->state + "\n" == k_state);
    }
    CHECK(parse_written("", "chat").error().code == Code::protocol);
    CHECK(parse_written("\n\n", "chat").error().code == Code::protocol);
    CHECK(parse_written("\n\n" + k_info, "chat").error().code == Code::protocol);
}

TEST_CASE("haproxy: a server's own address is used unless probes could not reach it there") {
    HaproxyFacts facts;
    const HaproxyServer named{"r7", "canary"};
    facts.address = "127.0.0.1";
    facts.port = 9002;
    CHECK(address_of(named, facts)->base_url == "http://127.0.0.1:9002");
    facts.address = "::1";
    CHECK(address_of(named, facts)->base_url == "http://[::1]:9002");
    facts.tls = true;
    CHECK(address_of(named, facts).error().code == Code::precondition);
    facts.tls = false;
    facts.address = "-"; // a unix socket
    CHECK(address_of(named, facts).error().code == Code::precondition);
    facts.address = "127.0.0.1";
    facts.port = 0;
    const auto none = address_of(named, facts);
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().text().find("r7") != std::string::npos);
    CHECK(none.error().hint.text().find("canary_url") != std::string::npos);
}

TEST_CASE("haproxy: what was kept is restored when it fits the backend and its servers") {
    HaproxyDriverOptions options;
    options.backend = "chat";
    options.servers = {{"r7", "canary"}};
    const auto read = [&](const Json& weight, std::string_view state, const char* name = "canary") {
        const Json kept{
            {"backend", "chat"}, {"servers", {{name, {{"weight", weight}, {"state", state}}}}}
        };
        return settings_from(kept, options);
    };
    for (const int weight : {0, 256}) {
        const auto settings = read(weight, "drain");
        REQUIRE(settings.has_value());
        CHECK(*settings == Settings{{"canary", {static_cast<unsigned>(weight), Rotation::drain}}});
    }
    for (const auto& none : {
             read(-1, "ready"),
             read(257, "ready"),
             read("5", "ready"),
             read(5, "up"),
             read(5, "ready", "another"),
         }) {
        REQUIRE_FALSE(none.has_value());
        CHECK(none.error().code == Code::precondition);
        CHECK(none.error().message.starts_with("what was kept of server "));
    }
    const auto other = settings_from({{"backend", "web"}, {"servers", Json::object()}}, options);
    REQUIRE_FALSE(other.has_value());
    CHECK(other.error().message == "what was kept is not a setting of backend chat");
}
