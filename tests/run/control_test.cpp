// The control socket of a run, asked as another process asks it.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/run/control.hpp"

#include "temp_folder.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

using namespace oa_stream;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

struct Folder {
    Folder() { fs::create_directories(path); }

    test::TempFolder root{};
    /// Far beyond the 107 bytes that an address has room for.
    fs::path path = root.path / std::string(200, 'x') / std::string(100, 'y');
};

/// A run that keeps the orders it gets.
struct Steered {
    Steered() {
        steering.on_order([this](const run::Order& order, const run::RunPosition&) {
            heard.push_back(order.text());
        });
    }
    Folder folder{};
    asio::io_context io{};
    run::StopRequest stop{};
    run::Steering steering{stop};
    std::vector<std::string> heard{};
};

/// Asks from another thread while the run's loop goes on.
Result<Json> ask(asio::io_context& io, const fs::path& folder, Json request) {
    Result<Json> out = fail(Code::internal, "not asked");
    std::thread other([&] {
        out = run::ask_run(folder, request, std::chrono::seconds(5));
        io.stop();
    });
    io.restart();
    io.run_for(std::chrono::seconds(20));
    other.join();
    return out;
}

} // namespace

TEST_CASE("control: a run that has ended takes no order, whatever it still does") {
    run::StopRequest stop;
    run::Steering steering(stop);
    REQUIRE(steering.give({run::Action::pause, "alice", {}}).has_value());
    steering.over("the run has ended");
    for (const auto action :
         {run::Action::pause, run::Action::go_on, run::Action::promote, run::Action::abort}) {
        CHECK_FALSE(stop.requested());
        const auto refused = steering.give({action, "bob", "late"});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == Code::precondition);
        CHECK(refused.error().message == "the run has ended");
    }
    CHECK(stop.requested()); // whoever wants it to end does not wait for what it still does
}

TEST_CASE("control: an order that was given up is not obeyed later, but to abort") {
    Steered rig;
    auto& [folder, io, stop, steering, heard] = rig;
    const auto door = run::ControlSocket::open(io.get_executor(), folder.path, steering);
    REQUIRE(door.has_value());
    for (const char* action : {"pause", "promote", "continue"}) {
        const auto late = run::ask_run(folder.path, {{"action", action}}, Millis(30));
        REQUIRE_FALSE(late.has_value());
        CHECK(late.error().code == Code::timeout);
    }
    io.run_for(Millis(200));
    CHECK(heard.empty());
    CHECK_FALSE(run::ask_run(folder.path, {{"action", "abort"}}, Millis(30)).has_value());
    io.run_for(Millis(200));
    CHECK(heard.size() == 1);
    CHECK(stop.requested());
}

TEST_CASE("control: a long folder, mode 0600, orders, refusals, and nothing left behind") {
    Steered rig;
    auto& [folder, io, stop, steering, heard] = rig;
    CHECK(run::ask_run(folder.path, {{"action", "status"}}).error().code == Code::unavailable);
    {
        auto door = run::ControlSocket::open(io.get_executor(), folder.path, steering);
        REQUIRE(door.has_value());
        struct stat file{};
        REQUIRE(::stat((folder.path / run::k_control_file).c_str(), &file) == 0);
        CHECK((file.st_mode & 0777U) == 0600U);

        const auto status = ask(io, folder.path, {{"action", "status"}});
        REQUIRE(status.has_value());
        CHECK(text_in(*status, "state") == "running");

        const auto early = ask(io, folder.path, {{"action", "continue"}, {"who", "alice"}});
        REQUIRE_FALSE(early.has_value());
        CHECK(early.error().code == Code::precondition);
        CHECK_THAT(early.error().message, Contains("not paused"));

        const auto asked =
            ask(io,
                folder.path,
                {{"action", "pause"}, {"who", "alice\x1b[31m"}, {"reason", " look \n at it "}});
        REQUIRE(asked.has_value());
        CHECK(bool_member(*asked, "pause_asked") == true);
        REQUIRE(heard.size() == 1);
        CHECK_THAT(heard[0], Contains("paused by alice\\x1b[31m (account "));
        CHECK_THAT(heard[0], Contains(": look \\n at it"));

        CHECK_THAT(
            ask(io, folder.path, {{"action", "dance"}}).error().message, Contains("'dance'")
        );
        CHECK_THAT(ask(io, folder.path, Json::array()).error().message, Contains("JSON object"));
        CHECK_FALSE(stop.requested());
        CHECK(ask(io, folder.path, {{"action", "abort"}}).has_value());
        CHECK(stop.requested());
        CHECK_THAT(stop.text(), Contains("aborted by "));
    }
    CHECK_FALSE(fs::exists(folder.path / run::k_control_file));
}

TEST_CASE("control: the socket of a process that died makes room for the next") {
    const Folder folder;
    asio::io_context io;
    run::StopRequest stop;
    run::Steering steering(stop);
    {
        asio::io_context dead;
        auto door = run::ControlSocket::open(dead.get_executor(), folder.path, steering);
        REQUIRE(door.has_value());
        fs::create_hard_link(
            folder.path / run::k_control_file, folder.path / "left"
        ); // what kill -9 leaves
    }
    fs::rename(folder.path / "left", folder.path / run::k_control_file);
    CHECK(run::ask_run(folder.path, {{"action", "status"}}).error().code == Code::unavailable);
    CHECK(run::ControlSocket::open(io.get_executor(), folder.path, steering).has_value());
}
