// The driver against a stats socket that says what the real one says only in rare moments.
#include "haproxy/haproxy_view.hpp"
#include "haproxy_rig.hpp"
#include "runtime_fake.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <map>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::traffic;
using namespace oa_stream::traffic::testing;

namespace {

/// Two servers that take weights, unless told to be difficult.
struct Words {
    std::map<std::string, int> weights{{"stable", 100}, {"canary", 0}};
    std::map<std::string, std::string> refuses{}; ///< server → complaint
    bool deaf = false;      ///< takes sets without a word and without effect
    int pid_of_writes = 10; ///< 10 is who is read
    std::vector<std::string> lines;

    std::string info(int pid) const {
        return fmt::format(
            "Name: HAProxy\nVersion: 2.6.12\nPid: {}\nUptime_sec: 5\nStart_time_sec: 7\n\n", pid
        );
    }
    std::string state() const {
        return fmt::format(
            "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight "
            "srv_iweight srv_port\n3 chat 1 stable 127.0.0.1 2 0 {} 100 9001\n"
            "3 chat 2 canary 127.0.0.1 2 0 {} 100 9002\n\n",
            weights.at("stable"),
            weights.at("canary")
        );
    }
    std::string set(const std::string& command) {
        const auto slash = command.find('/');
        const auto space = command.find(' ', slash);
        const std::string server = command.substr(slash + 1, space - slash - 1);
        if (refuses.contains(server)) {
            return refuses.at(server) + "\n\n";
        }
        if (!deaf) {
            weights[server] = std::stoi(command.substr(command.rfind(' ') + 1));
        }
        return "\n";
    }
    std::string answer(const std::string& line) {
        lines.push_back(line);
        std::string out;
        std::size_t at = 0;
        while (at <= line.size()) {
            const auto end = std::min(line.find(';', at), line.size());
            const std::string command = line.substr(at, end - at);
            at = end + 1;
            const bool write = line.starts_with("set ");
            out += command == "show cli level"           ? "admin\n\n"
                   : command == "show info"              ? info(write ? pid_of_writes : 10)
                   : command.starts_with("show servers") ? state()
                   : command.starts_with("show stat")
                       ? "# pxname,svname,status\nchat,stable,UP\nchat,canary,UP\n\n"
                       : set(command);
        }
        return out;
    }
};

struct Bench {
    explicit Bench(std::string path)
        : fake(io, std::move(path), [this](const std::string& line) { return words.answer(line); }),
          driver(make_haproxy_driver(
              {.socket = fake.address(),
               .backend = "chat",
               .servers = {{"stable", "stable"}, {"canary", "canary"}}}
          )) {}
    template <class T> T get(Task<T> task) { return test::run_task(io, std::move(task)); }
    Result<void> set(int canary) {
        const auto state = get(driver->read());
        INFO((state ? "" : state.error().text()));
        REQUIRE(state.has_value());
        return get(driver->set(*Split::between("stable", "canary", canary), state->etag));
    }
    asio::io_context io;
    Words words;
    RuntimeFake fake;
    std::unique_ptr<TrafficDriver> driver;
};

void check_error(const Result<void>& result, Code code, std::string_view words) {
    REQUIRE_FALSE(result.has_value());
    INFO(result.error().text());
    CHECK(to_string(result.error().code) == to_string(code));
    CHECK(result.error().text().find(words) != std::string::npos);
}

} // namespace

TEST_CASE("haproxy: a socket on host:port serves as well") {
    Bench bench("");
    REQUIRE(bench.set(25).has_value());
    CHECK(bench.words.weights == std::map<std::string, int>{{"stable", 75}, {"canary", 25}});
    CHECK(bench.driver->target() == "haproxy:" + bench.fake.address() + "/chat");
}

TEST_CASE("haproxy: half a write is taken back, in the safe order, and told") {
    Bench bench("");
    bench.words.refuses["stable"] = "No such server.";
    const auto result = bench.set(25);
    check_error(result, Code::precondition, "No such server.; what it had taken was taken back");
    CHECK_FALSE(is_ambiguous(result.error()));
    CHECK(bench.words.weights == std::map<std::string, int>{{"stable", 100}, {"canary", 0}});
    CHECK(bench.words.lines.back().starts_with("set server chat/canary weight 0;"));
}

TEST_CASE("haproxy: a refusal of everything has written nothing, in HAProxy's words") {
    Bench bench("");
    bench.words.refuses = {{"stable", "No such server."}, {"canary", "No such server."}};
    const std::size_t before = bench.words.lines.size();
    check_error(bench.set(25), Code::precondition, "HAProxy reports: No such server.");
    CHECK(bench.words.lines.size() == before + 3); // two looks and one write: never again
}

TEST_CASE("haproxy: a worker that is leaving is asked again, not believed") {
    Bench bench("");
    bench.words.refuses = {{"stable", "Proxy is disabled."}, {"canary", "Proxy is disabled."}};
    const auto result = bench.set(25);
    check_error(result, Code::unavailable, "Proxy is disabled.");
    CHECK(is_ambiguous(result.error()));
}

TEST_CASE("haproxy: a set that was accepted without effect is no success") {
    Bench bench("");
    bench.words.deaf = true;
    const auto result = bench.set(25);
    check_error(result, Code::protocol, "took the write without a word, but server");
    CHECK(is_ambiguous(result.error()));
}

TEST_CASE("haproxy: a reload between reading and writing is no success") {
    Bench bench("");
    bench.words.pid_of_writes = 11;
    const auto result = bench.set(25);
    check_error(result, Code::protocol, "process 10 was read, 11 answered");
    CHECK(is_ambiguous(result.error()));
}

TEST_CASE("haproxy: a command to type goes to the same socket as the driver's own") {
    CHECK(typed_to("/run/admin.sock", "help") == "echo help | socat stdio /run/admin.sock");
    CHECK(typed_to("./admin.sock", "help") == "echo help | socat stdio ./admin.sock");
    CHECK(typed_to("127.0.0.1:9999", "help") == "echo help | socat stdio tcp:127.0.0.1:9999");
}

TEST_CASE("haproxy: an address that is neither a path nor host:port is an error of usage") {
    const auto driver =
        make_haproxy_driver({.socket = "admin", .backend = "chat", .servers = {{"a", "a"}}});
    Bench bench("");
    const auto state = bench.get(driver->read());
    REQUIRE_FALSE(state.has_value());
    CHECK(state.error().code == Code::usage);
}
