#include "oa_stream/traffic/local_driver.hpp"

#include "conformance.hpp"
#include "rig.hpp"

#include <catch2/catch.hpp>

#include <unistd.h>

using namespace oa_stream;
using namespace oa_stream::traffic;
using namespace oa_stream::traffic::testing;

namespace {

std::unique_ptr<TrafficDriver> driver_of(Rig& rig) {
    return make_local_driver(
        *rig.client,
        {.admin_socket = (rig.folder / "admin.sock").string(),
         .base_url = rig.front_url(),
         .revisions = {"stable", "canary"}}
    );
}

} // namespace

TEST_CASE("local driver: reads, sets, reads back; the etag changes with every write") {
    Rig rig;
    const auto driver = driver_of(rig);
    const auto first = rig.get(driver->read());
    REQUIRE(first.has_value());
    CHECK(first->serving == split(5));
    CHECK(first->wanted == first->serving);
    CHECK(first->settled);
    REQUIRE(rig.get(driver->set(split(25), first->etag)).has_value());
    const auto second = rig.get(driver->verify(split(25), Millis(1000)));
    REQUIRE(second.has_value());
    CHECK(second->etag != first->etag);
    const auto wrong = rig.get(driver->verify(split(50), Millis(50)));
    REQUIRE_FALSE(wrong.has_value());
    CHECK(wrong.error().code == Code::timeout);
    CHECK(wrong.error().message.find("canary 25%") != std::string::npos);
}

TEST_CASE("local driver: a link to its socket means the same door while the socket is away") {
    Rig rig;
    const auto link = rig.folder / "link.sock";
    std::filesystem::create_symlink("other.sock", link);
    const auto target = [&] {
        return make_local_driver(*rig.client, {link.string(), rig.front_url(), {"a", "b"}})
            ->target();
    };
    const std::string away = target();
    std::filesystem::create_hard_link(rig.folder / "admin.sock", rig.folder / "other.sock");
    CHECK(target() == away);
    CHECK(away.ends_with("/other.sock"));
}

TEST_CASE("local driver: a front door that balances by load splits no more exactly") {
    Rig exact;
    const auto by_weights = driver_of(exact);
    REQUIRE(exact.get(by_weights->read()).has_value());
    CHECK(by_weights->splits_exactly());
    Rig busy({{"stable", 50}, {"canary", 50}}, {}, Balance::least_conn);
    const auto by_load = driver_of(busy);
    REQUIRE(busy.get(by_load->read()).has_value());
    CHECK_FALSE(by_load->splits_exactly());
}

TEST_CASE("local driver: a front door that was started again is another process") {
    Rig rig;
    const auto driver = driver_of(rig);
    const auto before = rig.get(driver->read());
    REQUIRE(before.has_value());
    CHECK_FALSE(before->process.id.empty());
    CHECK_FALSE(rig.get(driver->read())->process.is_newer_than(before->process));
    Rig again;
    CHECK(again.get(driver_of(again)->read())->process.is_newer_than(before->process));
}

TEST_CASE("local driver: an outdated etag is a conflict and writes nothing") {
    Rig rig;
    const auto driver = driver_of(rig);
    const auto state = rig.get(driver->read());
    REQUIRE(rig.get(driver->set(split(25), state->etag)).has_value());
    const auto late = rig.get(driver->set(split(100), state->etag));
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().code == Code::conflict);
    CHECK(rig.get(driver->read())->serving == split(25));
}

TEST_CASE("local driver: a socket that this user may not open is told from one without a door") {
    Rig rig;
    const auto driver = driver_of(rig);
    const auto socket = rig.folder / "admin.sock";
    using fs = std::filesystem::perms; // only the user changes below, the group stays
    std::filesystem::permissions(rig.folder, fs::owner_all | fs::group_exec);
    const bool root = ::geteuid() == 0; // who may open anything
    std::filesystem::permissions(socket, root ? fs::owner_read | fs::owner_write : fs::none);
    REQUIRE((!root || ::seteuid(65534) == 0));
    const auto denied = rig.get(driver->read());
    REQUIRE((!root || ::seteuid(0) == 0));
    REQUIRE_FALSE(denied.has_value());
    CHECK(denied.error().code == Code::credentials);
    CHECK(denied.error().message.starts_with("this user may not open it (owner "));
    CHECK(denied.error().message.ends_with(root ? ", mode 0600)" : ", mode 0000)"));
    CHECK(denied.error().hint.text().starts_with("sudo -u "));
    std::filesystem::remove(socket);
    const auto nobody = rig.get(driver->read());
    REQUIRE_FALSE(nobody.has_value());
    CHECK(nobody.error().code == Code::unavailable);
    CHECK(nobody.error().message == "no front door listens on this socket");
}

TEST_CASE("local driver: an unknown revision is refused in preview, set and address") {
    Rig rig;
    const auto driver = driver_of(rig);
    const Split other = *Split::between("stable", "other", 5);
    CHECK(rig.get(driver->preview(other)).error().code == Code::precondition);
    CHECK(rig.get(driver->preview(split(100))).has_value());
    const auto etag = rig.get(driver->read())->etag;
    CHECK(rig.get(driver->set(other, etag)).error().code == Code::precondition);
    CHECK(driver->address("other").error().code == Code::not_found);
    const auto address = driver->address("canary");
    REQUIRE(address.has_value());
    CHECK(address->base_url == rig.front_url());
    CHECK(address->headers.at(0).second == "canary");
}

TEST_CASE("local driver: streams are counted by revision") {
    Rig rig({{"stable", 0}, {"canary", 100}});
    const auto driver = driver_of(rig);
    REQUIRE(rig.get_path("/healthz").status == 200);
    const auto state = rig.get(driver->read());
    CHECK(state->streams.at("canary").finished == 1);
    CHECK(state->streams.at("stable").finished == 0);
}

TEST_CASE("local driver: a front door that is not there is unavailable") {
    Rig rig;
    const auto driver = make_local_driver(
        *rig.client,
        {.admin_socket = (rig.folder / "none.sock").string(), .base_url = "", .revisions = {}}
    );
    const auto state = rig.get(driver->read());
    REQUIRE_FALSE(state.has_value());
    CHECK(is_ambiguous(state.error()));
}

TEST_CASE("front admin: writes need the current etag and weights that make sense") {
    Rig rig;
    const std::string etag = rig.front->state().at("etag").get<std::string>();
    const net::Headers match{{"if-match", etag}};
    CHECK(rig.admin("PUT", "/weights", R"({"weights":{"stable":1}})").status == 428);
    CHECK(
        rig.admin("PUT", "/weights", R"({"weights":{"stable":1}})", {{"if-match", "\"old\""}})
            .status == 412
    );
    CHECK(rig.admin("PUT", "/weights", R"({"weights":{"nobody":1}})", match).status == 422);
    CHECK(rig.admin("PUT", "/weights", R"({"weights":{"stable":0}})", match).status == 422);
    CHECK(rig.admin("PUT", "/weights", R"({"weights":{"stable":-1}})", match).status == 400);
    CHECK(rig.admin("PUT", "/weights", "nonsense", match).status == 400);
    const auto twice =
        rig.admin("PUT", "/weights", R"({"weights":{"stable":90,"canary":10,"stable":0}})", match);
    CHECK(twice.status == 400);
    CHECK(twice.body.find("'stable' appears twice in one object") != std::string::npos);
    CHECK(rig.admin("GET", "/nothing").status == 404);
    CHECK(rig.front->state().at("etag") == etag);
    const auto state = rig.admin("GET", "/state");
    CHECK(state.status == 200);
    CHECK(state.headers.get("etag") == etag);
    CHECK(parse_json(state.body)->at("schema") == "oa-stream.front.v1");
}
