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

StoredItemPtr said(ResponseStore& store, std::string text) {
    StoredItem item;
    add_text(item.said.parts, text);
    return store.hold(std::move(item));
}

} // namespace

TEST_CASE("stored responses: only their owner finds them and their items") {
    ResponseStore store;
    store.keep("ann", response("1", "hi"), {said(store, "hello")});
    REQUIRE(store.find("ann", "resp_1") != nullptr);
    CHECK(store.find("ann", "resp_1")->conversation.size() == 2);
    CHECK(store.find("bob", "resp_1") == nullptr);
    CHECK(store.item("bob", "msg_1") == nullptr);
    CHECK_FALSE(store.remove("bob", "resp_1"));
    REQUIRE(store.item("ann", "msg_1") != nullptr);
    CHECK(text_of(store.item("ann", "msg_1")->said.parts) == "hi");
    CHECK(store.remove("ann", "resp_1"));
    CHECK(store.find("ann", "resp_1") == nullptr);
    CHECK(store.item("ann", "msg_1") == nullptr);
    CHECK(store.bytes() == 0);
}

TEST_CASE("stored responses: the oldest go first, by number and by bytes") {
    ResponseStore few(std::size_t{1} << 20U, 2);
    for (const char* name : {"1", "2", "3"}) {
        few.keep("", response(name, "hi"), {});
    }
    CHECK(few.size() == 2);
    CHECK(few.find("", "resp_1") == nullptr);
    CHECK(few.item("", "msg_1") == nullptr);
    CHECK(few.find("", "resp_3") != nullptr);

    ResponseStore small(8192);
    small.keep("", response("1", std::string(2000, 'x')), {});
    small.keep("", response("2", std::string(2000, 'x')), {});
    CHECK(small.find("", "resp_1") == nullptr);
    CHECK(small.find("", "resp_2") != nullptr);
    CHECK(small.bytes() <= 8192);
    small.keep("", response("3", std::string(9000, 'x')), {});
    CHECK(small.size() == 0);
    CHECK(small.bytes() == 0);
}

TEST_CASE("stored responses: what two conversations share counts once, as long as one holds it") {
    ResponseStore store;
    store.keep("", response("1", std::string(1000, 'x')), {said(store, std::string(5000, 'y'))});
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
    const std::vector<StoredItemPtr> before(5000, said(store, "a"));
    store.keep("", response("1", "hi"), before);
    const auto one = store.bytes();
    store.keep("", response("2", "hi"), before);
    CHECK(store.bytes() - one > 5000 * sizeof(StoredItemPtr));
    CHECK(store.remove("", "resp_1"));
    CHECK(store.remove("", "resp_2"));
    CHECK(store.bytes() < 1000);
}
