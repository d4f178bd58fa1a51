// Responses that later requests name, seen from two sessions.
#include "redis_rig.hpp"

#include <algorithm>
#include <sstream>

using namespace oa_stream;
using namespace oa_stream::store;
using namespace oa_stream::test;

namespace {

ResponseRecord record(std::string owner, std::string id, std::vector<ResponseItem> items) {
    return {{std::move(owner), id}, "response " + id, std::move(items)};
}

/// Values of the conversation, as one text.
std::string conversation(const FoundResponses& found) {
    std::string out;
    for (const auto& item : found.items) {
        out += item.key + "=" + item.value + " ";
    }
    return out;
}

/// Keys of all that is stored of responses, without the counts and the list.
std::size_t stored_keys(RedisRig& rig) {
    std::istringstream all(redis_cli(rig, {"KEYS", "oa:r[si]:*"}));
    std::size_t count = 0;
    for (std::string line; std::getline(all, line);) {
        count += line.empty() ? 0 : 1;
    }
    return count;
}

/// A session under other limits.
Store& open(RedisRig& rig, ResponseLimits limits) {
    auto options = rig.options();
    options.responses = limits;
    return rig.open(options);
}

std::string counts(RedisRig& rig) {
    auto text = redis_cli(rig, {"HMGET", "oa:rq", "n", "b"});
    std::ranges::replace(text, '\n', ' ');
    return text;
}

} // namespace

TEST_CASE("responses: any session goes on from them, and only their owner finds them") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    CHECK(rig.get(a.keep_response(
                      record("a/b c", "resp_1", {{"resp_1.0", "hello"}, {"msg_1", "hi there"}})
                  ))
              .empty());
    const auto found = rig.get(b.find_response({"a/b c", "resp_1"}, {"msg_1", "msg_9"}));
    REQUIRE(found.response);
    CHECK(*found.response == "response resp_1");
    CHECK(conversation(found) == "resp_1.0=hello msg_1=hi there ");
    CHECK(found.named == std::vector<std::string>{"hi there", ""});

    const auto others = rig.get(b.find_response({"bob", "resp_1"}, {"msg_1"}));
    CHECK_FALSE(others.response);
    CHECK(others.items.empty());
    CHECK(others.named == std::vector<std::string>{""});
    CHECK_FALSE(rig.get(b.drop_response({"bob", "resp_1"})));
    CHECK(rig.get(b.find_response({"a/b c", ""}, {"msg_1"})).named.front() == "hi there");
}

TEST_CASE("responses: an item is stored once and goes with the last response that has it") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    rig.get(a.keep_response(record("", "r1", {{"i1", "one"}, {"o1", "two"}})));
    CHECK(rig.get(b.keep_response(
                      record("", "r2", {{"i1", ""}, {"o1", ""}, {"i2", "three"}, {"o2", "4"}})
                  ))
              .empty());
    CHECK(stored_keys(rig) == 6);
    // The same again, after an answer that was lost.
    CHECK(rig.get(b.keep_response(record("", "r2", {{"i1", "x"}}))).empty());
    CHECK(rig.get(a.drop_response({"", "r1"})));
    CHECK_FALSE(rig.get(b.drop_response({"", "r1"})));
    CHECK_FALSE(rig.get(b.find_response({"", "r1"}, {})).response);
    CHECK(conversation(rig.get(a.find_response({"", "r2"}, {}))) == "i1=one o1=two i2=three o2=4 ");
    CHECK(rig.get(a.drop_response({"", "r2"})));
    CHECK(stored_keys(rig) == 0);
    CHECK(counts(rig) == "0 0 ");
}

TEST_CASE("responses: what goes on from a deleted one needs its items again") {
    RedisRig rig;
    auto& a = rig.open();
    rig.get(a.keep_response(record("", "r1", {{"i1", "one"}})));
    rig.get(a.drop_response({"", "r1"}));
    CHECK(
        rig.get(a.keep_response(record("", "r2", {{"i1", ""}, {"i2", "two"}}))) ==
        std::vector<std::string>{"i1"}
    );
    CHECK(stored_keys(rig) == 0);
    CHECK(rig.get(a.keep_response(record("", "r2", {{"i1", "one"}, {"i2", "two"}}))).empty());
    CHECK(conversation(rig.get(a.find_response({"", "r2"}, {}))) == "i1=one i2=two ");
}

TEST_CASE("responses: the oldest go first, by number, bytes and age") {
    RedisRig rig;
    auto& a = open(rig, {.most = 2});
    const auto there = [&](const std::string& id) {
        return rig.get(a.find_response({"", id}, {})).response.has_value();
    };
    for (const char* id : {"r1", "r2", "r3"}) {
        rig.get(a.keep_response(record("", id, {{std::string("i") + id, "one"}})));
    }
    CHECK_FALSE(there("r1"));
    CHECK(there("r2"));
    CHECK(there("r3"));
    CHECK(stored_keys(rig) == 4);

    const std::string large(1000, 'x');
    auto& small = open(rig, {.bytes = 2100});
    for (const char* id : {"r4", "r5", "r6"}) {
        rig.get(small.keep_response(record("", id, {{std::string("i") + id, large}})));
    }
    CHECK_FALSE(there("r4"));
    CHECK(there("r5"));
    CHECK(there("r6"));
    CHECK(stored_keys(rig) == 4);

    // The sweep of any session finds what is too old, without another response.
    auto options = rig.options();
    options.responses_kept = Millis(1);
    auto& b = rig.open(options);
    rig.until("the sweep", [&] {
        rig.get(b.orphans());
        return !there("r6");
    });
    CHECK_FALSE(there("r5"));
    CHECK(stored_keys(rig) == 0);
    CHECK(counts(rig) == "0 0 ");
}

TEST_CASE("responses: what was deleted leaves nothing behind, whatever is older") {
    RedisRig rig;
    auto& a = rig.open();
    rig.get(a.keep_response(record("", "old", {})));
    for (int i = 0; i < 20; ++i) {
        const auto id = "r" + std::to_string(i);
        rig.get(a.keep_response(record("", id, {{"i" + id, "one"}})));
        rig.get(a.drop_response({"", id}));
    }
    CHECK(redis_cli(rig, {"HLEN", "oa:ro:"}) == "4\n");
    CHECK(stored_keys(rig) == 1);
    // … and does not hold up what is too many.
    rig.get(open(rig, {.most = 1}).keep_response(record("", "new", {})));
    CHECK_FALSE(rig.get(a.find_response({"", "old"}, {})).response);
    CHECK(rig.get(a.find_response({"", "new"}, {})).response);
}

TEST_CASE("responses: a long conversation is read in pieces, in its order") {
    RedisRig rig;
    auto& a = rig.open();
    std::vector<ResponseItem> items;
    for (int i = 0; i < 1200; ++i) {
        const auto large = i == 3 || i == 4 || i == 900;
        items.push_back({"i" + std::to_string(i), std::string(large ? 2U << 20U : 5, 'a' + i % 26)}
        );
    }
    rig.get(a.keep_response(record("o", "r1", items)));
    redis_cli(rig, {"CONFIG", "SET", "slowlog-max-len", "100000"});
    redis_cli(rig, {"CONFIG", "SET", "slowlog-log-slower-than", "0"}); // tells all
    const auto found = rig.get(a.find_response({"o", "r1"}, {"i900", "none", "i7"}));
    REQUIRE(found.items.size() == items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
        CHECK(found.items[i].key == items[i].key);
        CHECK(found.items[i].value == items[i].value);
    }
    CHECK(found.named == std::vector<std::string>{items[900].value, "", items[7].value});
    // To each large one, and the rest of at most 500 each.
    const auto* const pieces = "local n = 0 "
                               "for _, asked in ipairs(redis.call('SLOWLOG', 'GET', '-1')) do "
                               "if asked[4][6] == '1048576' then n = n + 1 end end return n";
    CHECK(redis_cli(rig, {"EVAL", pieces, "0"}) == "6\n");
    CHECK(rig.get(a.read_response({"o", "r1"})) == "response r1");
    CHECK_FALSE(rig.get(a.read_response({"o", "r2"})));
    CHECK_FALSE(rig.get(a.read_response({"p", "r1"})));
}

TEST_CASE("responses: many long ones do not go in one step, and all go in one sweep") {
    RedisRig rig;
    auto& a = rig.open();
    std::vector<ResponseItem> items;
    for (int i = 0; i < 1000; ++i) {
        items.push_back({"i" + std::to_string(i), "one"});
    }
    for (int i = 0; i < 50; ++i) {
        rig.get(a.keep_response(record("", "r" + std::to_string(i), items)));
    }
    rig.get(open(rig, {.most = 1}).keep_response(record("", "last", {})));
    CHECK(redis_cli(rig, {"HGET", "oa:rq", "n"}) == "31\n");
    auto options = rig.options();
    options.responses_kept = Millis(1);
    auto& b = rig.open(options);
    rig.until("the sweep", [&] {
        rig.get(b.orphans());
        return redis_cli(rig, {"HGET", "oa:rq", "n"}) != "31\n";
    });
    CHECK(counts(rig) == "0 0 ");
    CHECK(stored_keys(rig) == 0);
}

TEST_CASE("responses: what somebody else deleted does not count for ever") {
    RedisRig rig;
    auto& a = rig.open();
    for (const char* id : {"r1", "r2", "r3"}) {
        rig.get(a.keep_response(record("", id, {{std::string("i") + id, "one"}})));
    }
    redis_cli(rig, {"DEL", "oa:rs:/r1", "oa:ri:/ir1", "oa:ri:/ir2"});
    rig.get(open(rig, {.bytes = 0}).keep_response(record("", "last", {{"i4", "one"}})));
    CHECK(counts(rig) == "0 0 ");
    CHECK(stored_keys(rig) == 0);
}

TEST_CASE("responses: what was said ends by itself where no lane looks after it") {
    RedisRig rig;
    auto options = rig.options();
    options.responses_kept = Millis(3'600'000);
    auto& a = rig.open(options);
    const auto life = [&rig](const std::string& key) {
        return Millis(std::stol(redis_cli(rig, {"PTTL", key})));
    };
    constexpr Millis k_longest{7'200'000}; // an hour more than lanes keep it
    const std::string large(100, 'x');
    for (const char* id : {"r1", "r2", "r3"}) {
        const auto item = std::string("i") + id;
        const bool first = item == "ir1";
        rig.get(a.keep_response(record("", id, {{"i", first ? large : ""}, {item, large}})));
        for (const auto& key :
             {std::string("oa:rs:/") + id, "oa:ri:/" + item, std::string("oa:ri:/i")}) {
            CAPTURE(key);
            CHECK(life(key) <= k_longest);
            CHECK(life(key) > k_longest - Millis(60'000));
            redis_cli(rig, {"PEXPIRE", key, "3600000"}); // the next use of the item renews it
        }
    }
    // The sweep of the next lane counts what is left, and nothing of it in the end.
    redis_cli(rig, {"DEL", "oa:rs:/r1", "oa:ri:/ir1", "oa:rs:/r2", "oa:ri:/ir2"});
    auto& b = rig.open(options);
    rig.until("the sweep", [&] {
        rig.get(b.orphans());
        return redis_cli(rig, {"HGET", "oa:rq", "n"}) == "1\n";
    });
    const auto bytes = [&] { return std::stol(redis_cli(rig, {"HGET", "oa:rq", "b"})); };
    CHECK(bytes() > 100);
    CHECK(bytes() < 200);
    redis_cli(rig, {"DEL", "oa:rs:/r3", "oa:ri:/ir3", "oa:ri:/i"});
    rig.get(open(rig, {.bytes = 0}).keep_response(record("", "last", {})));
    CHECK(counts(rig) == "0 0 ");
    CHECK(stored_keys(rig) == 0);
}

TEST_CASE("responses: whoever holds most loses the oldest") {
    RedisRig rig;
    auto& few = open(rig, {.most = 6});
    const auto there = [&](const std::string& owner, const std::string& id) {
        return rig.get(few.find_response({owner, id}, {})).response.has_value();
    };
    const auto keep = [&](Store& store, const std::string& owner, const std::string& id) {
        rig.get(store.keep_response(record(owner, id, {{"i" + id, std::string(500, 'x')}})));
    };
    keep(few, "ann", "a1");
    keep(few, "b/o b", "b1");
    for (int i = 0; i < 20; ++i) {
        keep(few, "batch", "r" + std::to_string(i));
    }
    CHECK(there("ann", "a1"));
    CHECK(there("b/o b", "b1"));
    CHECK_FALSE(there("batch", "r15"));
    CHECK(there("batch", "r16"));
    // Nor do they lose what they had when somebody comes who has nothing yet.
    keep(few, "eve", "e1");
    CHECK(there("ann", "a1"));
    CHECK(there("eve", "e1"));
    CHECK_FALSE(there("batch", "r16"));
    CHECK(there("batch", "r17"));
    // The same by bytes, on another lane.
    keep(open(rig, {.bytes = 2'700}), "eve", "e2");
    CHECK_FALSE(there("batch", "r18"));
    CHECK(there("batch", "r19"));
    CHECK(there("ann", "a1"));
    CHECK(there("eve", "e1"));
    CHECK(there("eve", "e2"));
    keep(open(rig, {.most = 4}), "eve", "e4");
    CHECK_FALSE(there("eve", "e2"));
    CHECK(there("ann", "a1"));
    // Among equals the oldest goes.
    keep(open(rig, {.most = 4}), "dan", "d1");
    CHECK_FALSE(there("ann", "a1"));
    CHECK(there("b/o b", "b1"));
    // One that is too large for all leaves those of others alone.
    auto& small = open(rig, {.bytes = 3'000});
    rig.get(small.keep_response(record("eve", "e3", {{"ie3", std::string(4'000, 'x')}})));
    CHECK_FALSE(there("eve", "e3"));
    CHECK_FALSE(there("eve", "e4"));
    CHECK(there("b/o b", "b1"));
    CHECK(there("batch", "r19"));
    CHECK(there("dan", "d1"));
    // Nothing is left of owners without any.
    rig.get(few.drop_response({"b/o b", "b1"}));
    CHECK(redis_cli(rig, {"EXISTS", "oa:ro:b%2Fo%20b", "oa:ro:ann", "oa:ro:eve"}) == "0\n");
    CHECK(redis_cli(rig, {"HGET", "oa:rq", "n"}) == "2\n");
}
