// Stored responses: who finds them, what goes on from them, and how much they may hold.
#include "responses/responses_store.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::lane;

namespace {

Json response(const std::string& name, const std::string& text) {
    Json part = Json::object({{"type", "output_text"}, {"text", text}});
    Json item = Json::object({{"type", "message"}, {"id", "msg_" + name}});
    item["content"] = Json::array({std::move(part)});
    Json out = Json::object({{"id", "resp_" + name}});
    out["output"] = Json::array({std::move(item)});
    return out;
}

StoredItemPtr message(std::string text) {
    StoredItem item;
    add_text(item.message.parts, text);
    return std::make_shared<StoredItem>(std::move(item));
}

} // namespace

TEST_CASE("stored responses: only their owner finds them and their items") {
    ResponseStore store;
    store.keep("ann", response("1", "hi"), {message("hello")});
    REQUIRE(store.find("ann", "resp_1") != nullptr);
    CHECK(store.find("ann", "resp_1")->conversation.size() == 2);
    CHECK(store.find("bob", "resp_1") == nullptr);
    CHECK(store.item("bob", "msg_1") == nullptr);
    CHECK_FALSE(store.remove("bob", "resp_1"));
    REQUIRE(store.item("ann", "msg_1") != nullptr);
    CHECK(text_in_input(store.item("ann", "msg_1")->message.parts) == "hi");
    CHECK(store.remove("ann", "resp_1"));
    CHECK(store.find("ann", "resp_1") == nullptr);
    CHECK(store.item("ann", "msg_1") == nullptr);
    CHECK(store.bytes() == 0);
}

TEST_CASE("stored responses: the oldest go first, by number and by bytes") {
    ResponseStore few({.most = 2});
    for (const char* name : {"1", "2", "3"}) {
        few.keep("", response(name, "hi"), {});
    }
    CHECK(few.size() == 2);
    CHECK(few.find("", "resp_1") == nullptr);
    CHECK(few.item("", "msg_1") == nullptr);
    CHECK(few.find("", "resp_3") != nullptr);

    ResponseStore small({.bytes = 8192});
    small.keep("", response("1", std::string(2000, 'x')), {});
    small.keep("", response("2", std::string(2000, 'x')), {});
    CHECK(small.find("", "resp_1") == nullptr);
    CHECK(small.find("", "resp_2") != nullptr);
    CHECK(small.bytes() <= 8192);
    // Nothing goes for one that is too large alone.
    const auto bytes = small.bytes();
    const auto before = small.find("", "resp_2")->conversation;
    small.keep("", response("3", std::string(9000, 'x')), {});
    small.keep("", response("4", "hi"), {before.front(), message(std::string(7000, 'x'))});
    CHECK(small.find("", "resp_2") != nullptr);
    CHECK(small.size() == 1);
    CHECK(small.item("", "msg_3") == nullptr);
    CHECK(small.bytes() == bytes);
    CHECK(small.remove("", "resp_2"));
    CHECK(small.bytes() == 0);
}

TEST_CASE("stored responses: what two conversations share counts once, as long as one holds it") {
    ResponseStore store;
    store.keep("", response("1", std::string(1000, 'x')), {message(std::string(5000, 'y'))});
    const auto once = store.bytes();
    store.keep("", response("2", "more"), store.find("", "resp_1")->conversation);
    CHECK(store.bytes() < once + 1000);
    CHECK(store.remove("", "resp_1"));
    CHECK(store.bytes() > 6000); // the other goes on from it
    CHECK(store.remove("", "resp_2"));
    CHECK(store.bytes() == 0);
}

TEST_CASE("stored responses: a place in a long conversation counts in each that holds it") {
    ResponseStore store;
    const std::vector<StoredItemPtr> before(5000, message("a"));
    store.keep("", response("1", "hi"), before);
    const auto one = store.bytes();
    store.keep("", response("2", "hi"), before);
    CHECK(store.bytes() - one > 5000 * sizeof(StoredItemPtr));
    CHECK(store.remove("", "resp_1"));
    CHECK(store.remove("", "resp_2"));
    CHECK(store.bytes() < 1000);
}

TEST_CASE("stored responses: whoever holds most loses the oldest") {
    ResponseStore few({.most = 6});
    few.keep("ann", response("a1", "hi"), {});
    few.keep("bob", response("b1", "hi"), {});
    for (int i = 0; i < 20; ++i) {
        few.keep("batch", response(std::to_string(i), "hi"), {});
    }
    CHECK(few.find("ann", "resp_a1") != nullptr);
    CHECK(few.find("bob", "resp_b1") != nullptr);
    CHECK(few.find("batch", "resp_15") == nullptr);
    CHECK(few.find("batch", "resp_16") != nullptr);
    // Nor do they lose what they had when somebody comes who has nothing yet.
    few.keep("eve", response("e1", "hi"), {});
    CHECK(few.find("ann", "resp_a1") != nullptr);
    CHECK(few.find("eve", "resp_e1") != nullptr);
    CHECK(few.find("batch", "resp_16") == nullptr);
    // Among equals the oldest goes.
    ResponseStore two({.most = 2});
    two.keep("ann", response("a1", "hi"), {});
    two.keep("bob", response("b1", "hi"), {});
    two.keep("eve", response("e1", "hi"), {});
    CHECK(two.find("ann", "resp_a1") == nullptr);
    CHECK(two.find("bob", "resp_b1") != nullptr);

    ResponseStore small({.bytes = 20'000});
    small.keep("ann", response("a1", std::string(4000, 'x')), {message(std::string(3000, 'y'))});
    for (int i = 0; i < 9; ++i) {
        small.keep("batch", response(std::to_string(i), std::string(2000, 'x')), {});
    }
    CHECK(small.find("ann", "resp_a1") == nullptr);
    CHECK(small.size() > 2);
    CHECK(small.bytes() <= 20'000);
    // One that is too large for all leaves those of others alone.
    small.keep("eve", response("e1", std::string(30'000, 'x')), {});
    CHECK(small.find("eve", "resp_e1") == nullptr);
    CHECK(small.find("batch", "resp_8") != nullptr);
}

TEST_CASE("stored responses: what a running turn was sent does not count yet") {
    ResponseStore small({.bytes = 8192});
    small.keep("", response("1", "hi"), {});
    const auto running = message(std::string(10'000, 'x'));
    small.keep("", response("2", "hi"), {});
    CHECK(running->message.parts.size() == 1);
    CHECK(small.find("", "resp_1") != nullptr);
    CHECK(small.find("", "resp_2") != nullptr);
}
