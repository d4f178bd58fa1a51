// Answers that are none to what was asked, lost ones, and such as never come.
#include "fake_steps.hpp"
#include "redis_link.hpp"

#include <algorithm>
#include <array>

using namespace oa_stream;
using namespace oa_stream::store;
using namespace oa_stream::test;

namespace {

using Then = FakeRedis::Then;
const std::string k_same_id =
    error("ERR The ID specified in XADD is equal or smaller than the target stream top item");

std::string entry(std::string_view id) {
    return list({bulk(id), words({"b", "abc"})});
}

struct Strange {
    std::string command;
    std::string answer;
};

/// Some are nothing but lists: of what is empty, or one item short.
std::vector<Strange> strange_answers() {
    std::vector<Strange> out;
    for (const auto& step : all_steps()) {
        for (const std::string answer :
             {":1\r\n", "+QUEUED\r\n", "$-1\r\n", "*-1\r\n", "*0\r\n", "*1\r\n*0\r\n"}) {
            out.push_back({step.name, answer});
        }
    }
    std::erase_if(out, [](const Strange& one) { // what these may be told
        const bool nil = one.answer == "$-1\r\n" || one.answer == "*-1\r\n";
        const bool reads =
            one.command == "XREAD" || one.command == "XRANGE" || one.command == "SMEMBERS";
        return (nil && (one.command == "XADD" || one.command == "XREAD")) ||
               (one.answer == "*0\r\n" && reads) ||
               ((one.command == "hold_again" || one.command == "offer") && one.answer == ":1\r\n"
               ) ||
               (one.command == "SMEMBERS" && one.answer == "*1\r\n*0\r\n");
    });
    const std::vector<Strange> more{
        {"XADD", bulk("7-2")}, // of another piece
        {"XADD", bulk("6-3")},
        {"acquire", words({"mine"})},
        {"acquire", words({"mine", "7"})},
        {"acquire", words({"busy", "7", "s"})},
        {"acquire", words({"perhaps"})},
        {"take_place", words({"busy"})},
        {"commit", words({"perhaps"})},
        {"commit", words({"ok", ""})},
        {"end", bulk("perhaps")},
        {"end", bulk("")},
        {"adopt", list({k_one})},
        {"adopt", words({"yes", "8"})},
        {"look", words(std::vector<std::string>(19))},
        {"XRANGE", list({entry("7")})},
        {"XRANGE", list({list({bulk("7-3")})})},
        {"XRANGE", list({list({bulk("7-3"), k_nil})})},
        {"XREAD", list({list({bulk("x"), list({entry("7-3")})})})},
        {"XREAD", list({list({bulk("oa:l:t1"), list({entry("7")})})})},
        {"XREAD", list({bulk("oa:l:t1")})}
    };
    out.insert(out.end(), more.begin(), more.end());
    return out;
}

Step step_of(const std::string& name) {
    const auto all = all_steps();
    return *std::ranges::find(all, name, &Step::name);
}

/// With this answer the step fails; on the next connection, and with the right one, it succeeds.
void fails_once(FakeRig& rig, const Step& step, FakeRedis::Answer answer, Code code) {
    const auto before = rig.redis.dialled();
    rig.redis.next(step.name, std::move(answer));
    const auto told = step.take(rig);
    REQUIRE(told);
    CHECK(told->code == code);
    rig.dialled_anew(before);
    rig.redis.next(step.name, step.right);
    CHECK_FALSE(step.take(rig));
}

} // namespace

TEST_CASE("an answer that is none to its question is no decision, and the connection is left") {
    for (const auto& one : strange_answers()) {
        INFO(one.command << ": " << one.answer);
        FakeRig rig;
        rig.open();
        const auto step = step_of(one.command);
        const auto before = rig.redis.dialled();
        rig.redis.next(one.command, one.answer);
        const auto told = step.take(rig);
        REQUIRE(told);
        CHECK(told->code == Code::protocol);
        rig.dialled_anew(before);
        CHECK(rig.redis.dialled() == before + 1);
        rig.redis.next(one.command, step.right);
        CHECK_FALSE(step.take(rig));
    }
}

TEST_CASE("nil to a piece means that its log is gone, and to a follower that there is no news") {
    FakeRig rig;
    auto& store = rig.open();
    rig.redis.next("XADD", k_nil);
    CHECK(rig.get(append(store, "t1", k_fence, 3, "abc")) == Written::gone);
    rig.redis.next("XREAD", k_nil_list);
    CHECK(rig.get(store.follow({{"t1", k_fence, 0}}, 0)).empty());
}

TEST_CASE("a log that comes again and again is no log") {
    FakeRig rig;
    auto& store = rig.open();
    rig.redis.always("XRANGE", list(std::vector<std::string>(1'000, entry("7-3"))));
    const auto log = rig.run(store.read("t1"));
    REQUIRE_FALSE(log);
    CHECK(log.error().code == Code::protocol);
}

TEST_CASE("a piece whose answer was lost is sent again as it was, and the log tells what it is") {
    struct Case {
        std::string rule;
        std::string top;
        std::optional<Written> is; ///< none: nobody knows yet
    };
    const std::vector<Case> cases{
        {"it is the last one", list({entry("7-3")}), Written::stored},
        {"others of ours are behind it", list({entry("7-6")}), Written::stored},
        {"another holder writes", list({entry("8-3")}), Written::fenced},
        {"the log is gone since", "*0\r\n", Written::gone},
        {"the server refuses", error("LOADING Redis is loading the dataset in memory"), std::nullopt
        },
        {"the server may not be asked", error("NOPERM this user has no permissions"), std::nullopt},
        {"the answer makes no sense", k_one, std::nullopt}
    };
    for (const auto& one : cases) {
        INFO(one.rule);
        FakeRig rig;
        auto& store = rig.open();
        const auto before = rig.redis.dialled();
        rig.redis.next("XADD", {"", Then::close}); // it has the piece, or has it not
        const auto lost = rig.run(append(store, "t1", k_fence, 3, "abc"));
        REQUIRE_FALSE(lost);
        CHECK(is_ambiguous(lost.error()));
        rig.dialled_anew(before);
        rig.redis.next("XADD", k_same_id);
        rig.redis.next("XREVRANGE", one.top);
        const auto again = rig.run(append(store, "t1", k_fence, 3, "abc"));
        REQUIRE(again.has_value() == one.is.has_value());
        if (again) {
            CHECK(*again == *one.is);
        }
        const auto all = rig.redis.said("XADD");
        REQUIRE(all.size() == 2);
        CHECK(all[0][3] == all[1][3]);
    }
}

TEST_CASE("a connection that is lost before the answer leaves every step open, to be asked again") {
    for (const auto& step : all_steps()) {
        for (const std::size_t said :
             {std::size_t{0}, step.right.size() / 2, step.right.size() - 1}) {
            INFO(step.name << ", lost after " << said << " bytes of its answer");
            FakeRig rig;
            rig.open();
            fails_once(rig, step, {step.right.substr(0, said), Then::close}, Code::unavailable);
        }
    }
}

TEST_CASE("turns are told again to a server that was reached again, or that has lost a log") {
    FakeRig rig;
    auto& store = rig.open();
    int asked = 0;
    store.on_unsure = [&asked] { ++asked; };
    const auto signed_on = rig.redis.said("sign_on").size();
    SECTION("its connection was lost") {
        const auto before = rig.redis.dialled();
        rig.redis.next("acquire", {std::string(), Then::close});
        CHECK_FALSE(rig.run(store.acquire(wish(k_chat))));
        rig.dialled_anew(before);
    }
    SECTION("a log is gone") {
        rig.redis.next("XADD", k_nil);
        CHECK(rig.get(append(store, "t1", k_fence, 3, "abc")) == Written::gone);
    }
    SECTION("its session is gone") {
        rig.redis.next("XADD", k_nil);
        rig.redis.next("PEXPIRE", std::string(":0\r\n"));
        CHECK(rig.get(append(store, "t1", k_fence, 3, "abc")) == Written::gone);
        rig.until("another session", [&] { return rig.redis.said("sign_on").size() > signed_on; });
    }
    rig.until("the question", [&] { return asked > 0; });
    CHECK(asked == 1);
}

TEST_CASE("a process whose sign-on got no answer signs on again, and hears what the store lost") {
    FakeRig rig;
    auto& store = rig.open();
    int lost = 0;
    store.on_lost = [&lost] { ++lost; };
    const auto signed_on = rig.redis.said("sign_on").size();
    const auto before = rig.redis.dialled();
    rig.redis.next("acquire", words({"dead"}));
    rig.redis.next("sign_on", {std::string(), Then::close}); // it is there again since
    rig.redis.next("sign_on", words({"b2", "1", "1"}));
    CHECK_FALSE(rig.run(store.acquire(wish(k_chat))));
    rig.dialled_anew(before);
    rig.until("its loss", [&lost] { return lost > 0; });
    CHECK(lost == 1);
    CHECK(rig.redis.said("sign_on").size() == signed_on + 2);
}

TEST_CASE("an answer that never comes, or stops in the middle, ends the connection in time") {
    for (const auto& step : all_steps()) {
        for (const std::size_t said : {std::size_t{0}, step.right.size() / 2}) {
            if (step.name == "XREAD" && said == 0) {
                continue; // the same, and it takes a second longer
            }
            INFO(step.name << ", stalled after " << said << " bytes of its answer");
            FakeRig rig;
            auto options = rig.options();
            options.wait = Millis(250); // and a busy machine connects again within it
            rig.open(options);
            fails_once(rig, step, {step.right.substr(0, said), Then::stall}, Code::timeout);
        }
    }
}

TEST_CASE("a lease is renewed while other answers of a slow store are still awaited") {
    const std::string awaited = GENERATE("count", "INFO");
    CAPTURE(awaited);
    FakeRig rig;
    auto options = rig.options();
    options.lease = Millis(400);
    options.wait = Millis(10'000);
    auto& store = rig.open(options);
    const auto before = rig.redis.dialled();
    rig.redis.next(awaited, std::string()); // no answer comes, and the connection stays
    const auto asked = rig.redis.said(awaited).size();
    rig.until("what is asked besides", [&] { return rig.redis.said(awaited).size() > asked; });
    const auto renewals = [&rig] {
        return std::ranges::count_if(rig.redis.said("PEXPIRE"), [](const Command& command) {
            return command.at(1).starts_with("oa:s:");
        });
    };
    const auto renewed = renewals();
    rig.until("another renewal", [&] { return renewals() > renewed; });
    CHECK(rig.redis.dialled() == before); // within the time that an answer may take
    CHECK(store.trouble().empty());
}

TEST_CASE("what went wrong is counted by its kind: an operator looks elsewhere for each") {
    struct Case {
        FakeRedis::Answer answer;
        std::uint64_t ErrorCounts::* counted;
    };
    const std::array kinds{
        &ErrorCounts::late,
        &ErrorCounts::down,
        &ErrorCounts::full,
        &ErrorCounts::refused,
        &ErrorCounts::other
    };
    for (const auto& [answer, counted] :
         {Case{{"", Then::stall}, &ErrorCounts::late},
          Case{{"", Then::close}, &ErrorCounts::down},
          Case{
              error("OOM command not allowed when used memory > 'maxmemory'."), &ErrorCounts::full
          },
          Case{error("NOPERM this user has no permissions"), &ErrorCounts::refused},
          Case{error("BUSY Redis is busy running a script."), &ErrorCounts::other}}) {
        INFO(answer.pieces.front());
        FakeRig rig;
        auto options = rig.options();
        options.wait = Millis(100);
        auto& store = rig.open(options);
        const auto before = store.numbers().errors;
        rig.redis.next("look", answer);
        CHECK_FALSE(rig.run(store.look(k_chat)));
        const auto after = store.numbers().errors;
        for (const auto kind : kinds) {
            CHECK(after.*kind - before.*kind == (kind == counted ? 1 : 0));
        }
    }
}

TEST_CASE("every step takes its answer byte by byte") {
    FakeRig rig;
    rig.open();
    for (const auto& step : all_steps()) {
        INFO(step.name);
        std::vector<std::string> bytes;
        for (const char byte : step.right) {
            bytes.emplace_back(1, byte);
        }
        rig.redis.next(step.name, {bytes, Then::stay});
        CHECK_FALSE(step.take(rig));
    }
}

TEST_CASE("an answer that nobody asked for ends the connection, and nothing else") {
    FakeRig rig;
    auto& store = rig.open();
    const auto before = rig.redis.dialled();
    rig.redis.next("acquire", {{acquired_answer(), bulk("stored")}, Then::stay});
    CHECK(rig.get(store.acquire(wish(k_chat))).holding.fence == k_fence);
    rig.dialled_anew(before);
    rig.redis.next("look", words(std::vector<std::string>(20)));
    rig.get(store.look(k_chat));
}

TEST_CASE("answers that are one off are noticed by the first piece") {
    FakeRig rig;
    rig.open();
    const auto before = rig.redis.dialled();
    rig.redis.next(
        "XADD", {bulk("7-3") + bulk("7-3")}
    ); // said twice while another one is asked for
    rig.redis.next("XADD", bulk("7-6"));
    const auto told = append_at_once(rig, {3, 6});
    CHECK(told[0] == Written::stored);
    CHECK_FALSE(told[1]);
    rig.dialled_anew(before);
}

TEST_CASE("a server that breaks each connection at once is not dialled without a pause") {
    FakeRig rig;
    auto& store = rig.open();
    rig.redis.always("PEXPIRE", {"", Then::close}); // asked on each new connection
    rig.redis.next("acquire", {std::string(), Then::close});
    const auto before = rig.redis.dialled();
    CHECK_FALSE(rig.run(store.acquire(wish(k_chat))));
    const auto until = Clock::now() + Millis(1'000);
    rig.until("a second", [until] { return Clock::now() > until; });
    CHECK(rig.redis.dialled() > before + 2);
    CHECK(rig.redis.dialled() < before + 10);
    rig.redis.as_usual("PEXPIRE");
    rig.until("the store", [&] { return store.trouble().empty(); });
}

TEST_CASE("a server that announces more than it can have is left at once") {
    for (const std::string announced :
         {"$1099511627776\r\n",
          "*2147483648\r\n",
          "*2147483647\r\n",
          "*1\r\n*1\r\n$99999999999999999999\r\n"}) {
        INFO(announced);
        FakeRig rig;
        auto options = rig.options();
        options.wait = Millis(10'000);
        auto& store = rig.open(options);
        rig.redis.next("look", announced);
        const auto began = Clock::now();
        const auto looked = rig.run(store.look(k_chat));
        CHECK(Clock::now() - began < Millis(5'000));
        REQUIRE_FALSE(looked);
        CHECK(looked.error().code == Code::unavailable);
    }
}
