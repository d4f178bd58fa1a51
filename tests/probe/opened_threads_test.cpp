// Conversations of a run's own are removed again, and what stays is said.
#include "oa_stream/probe/continuity.hpp"
#include "oa_stream/probe/opened_threads.hpp"

#include "support/raw_server.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <map>
#include <set>

namespace oa_stream::probe::test {
namespace {

/// Lists, shows and deletes the conversations that it has.
struct Chats {
    explicit Chats(LoopRig& loop)
        : server(loop.executor(), [this](const RawRequest& request) { return answer(request); }) {}

    Script answer(const RawRequest& request) {
        ++calls[request.method];
        if (away) {
            return {Reset{}};
        }
        const std::string id = request.path.substr(
            std::string_view("/api/chats/").size(),
            request.path.find('/', std::string_view("/api/chats/").size()) -
                std::string_view("/api/chats/").size()
        );
        if (request.method == "GET") {
            const bool there = have.contains(id);
            const auto* shown = there ? R"({"data":[{"id":"m"}]})" : R"({"data":[]})";
            return {Send{json_answer(there ? 200 : unknown, shown)}};
        }
        if (refuses != 0 && (busy_once.empty() || busy_once.erase(id) > 0)) {
            return {Send{json_answer(refuses, "{}")}};
        }
        return {Send{json_answer(have.erase(id) > 0 ? 200 : 404, "{}")}};
    }
    [[nodiscard]] Target target() const {
        Target out;
        out.base_url = server.url();
        return out;
    }

    std::set<std::string> have{};
    std::map<std::string, int> calls{};
    int unknown = 404; ///< its answer for what it does not have
    int refuses = 0;   ///< every DELETE, or those of `busy_once`
    std::set<std::string> busy_once{};
    bool away = false;
    RawServer server;
};

Removal
remove(LoopRig& loop, const std::vector<Target>& where, const std::vector<std::string>& ids) {
    const auto client = net::HttpClient::make(loop.executor());
    return loop.run(remove_threads(*client, {{where, ids}}, {}, {.per_s = 1000}));
}

const std::vector<std::string> k_ids{"oaprobe_1", "oaprobe_2", "oaprobe_3"};

} // namespace

TEST_CASE("opened threads: each is deleted where it is, and only those") {
    LoopRig loop;
    Chats one(loop);
    Chats two(loop);
    one.have = {"oaprobe_1", "of-a-user"};
    two.have = {"oaprobe_2"};
    const Removal out = remove(loop, {one.target(), two.target()}, k_ids);
    CHECK(out.removed == 2);
    CHECK(out.unknown == 1);
    CHECK(out.left.empty());
    CHECK(left_text(out).empty());
    CHECK(one.have == std::set<std::string>{"of-a-user"});
    CHECK(two.have.empty());
}

TEST_CASE("opened threads: an empty list of messages shows no conversation") {
    LoopRig loop;
    Chats chats(loop);
    chats.have = {k_ids.begin(), k_ids.end()};
    chats.unknown = 200;
    const Removal out = remove(loop, {chats.target()}, k_ids);
    CHECK(out.removed == 3);
    CHECK(out.left.empty());
    CHECK(chats.have.empty());
}

TEST_CASE("opened threads: a target without DELETE is asked once, and what it keeps is named") {
    const std::map<int, std::string> why{
        {200, "it answers DELETE with 200 and still shows the messages"},
        {403, "HTTP 403"},
        {404, "it does not delete conversations"},
        {405, "it does not delete conversations"},
        {501, "it does not delete conversations"},
    };
    for (const auto& [status, words] : why) {
        CAPTURE(status);
        LoopRig loop;
        Chats chats(loop);
        chats.have = {k_ids.begin(), k_ids.end()};
        chats.refuses = status;
        const Removal out = remove(loop, {chats.target()}, k_ids);
        CHECK(out.removed == 0);
        CHECK(out.left == k_ids);
        CHECK(chats.calls["DELETE"] == 1);
        CHECK(
            left_text(out, " of this run") ==
            fmt::format("3 conversations of this run (oaprobe_1, oaprobe_2, oaprobe_3): {}", words)
        );
        CHECK(to_json(out)["left"] == 3);
    }
}

TEST_CASE("opened threads: a busy one is tried again, and an end is put to it") {
    LoopRig loop;
    Chats chats(loop);
    chats.have = {k_ids.begin(), k_ids.end()};
    chats.refuses = 409;
    chats.busy_once = {"oaprobe_2", "none"};
    CHECK(remove(loop, {chats.target()}, k_ids).removed == 3);
    CHECK(chats.calls["DELETE"] == 4);

    chats.have = {k_ids.begin(), k_ids.end()};
    const auto client = net::HttpClient::make(loop.executor());
    const Removal out = loop.run(remove_threads(
        *client, {{{chats.target()}, k_ids}}, {}, {.per_s = 2, .longest = Millis(400)}
    ));
    CHECK(out.removed >= 1);
    CHECK(out.removed + out.left.size() == 3);
    CHECK_FALSE(out.left.empty());
    CHECK(out.why == "400ms was not enough");
}

TEST_CASE("opened threads: who does not answer is not asked for each") {
    LoopRig loop;
    Target nobody;
    nobody.base_url = "http://127.0.0.1:1";
    std::vector<std::string> many;
    for (int i = 0; i < 50; ++i) {
        many.push_back(fmt::format("oaprobe_{}", i));
    }
    const Removal out = remove(loop, {nobody}, many);
    CHECK(out.left.size() == 50);
    CHECK(out.why.contains("refused"));
}

TEST_CASE("opened threads: who was away for a moment is asked again, at the end at the latest") {
    for (const Millis rest : {Millis(0), Millis(60'000)}) {
        CAPTURE(rest.count());
        LoopRig loop;
        Chats chats(loop);
        std::vector<std::string> many;
        for (int i = 0; i < 9; ++i) {
            many.push_back(fmt::format("oaprobe_{}", i));
        }
        chats.have = {many.begin(), many.end()};
        chats.away = true;
        const auto client = net::HttpClient::make(loop.executor());
        ThreadRemover remover(*client, {}, {.per_s = 1000, .rest = rest});
        const auto part = [&](std::ptrdiff_t from) {
            const auto begin = many.begin() + from;
            loop.run(remover.remove({{chats.target()}, {begin, begin + 3}}));
        };
        part(0);
        CHECK(chats.calls["DELETE"] == 3);
        part(3);
        CHECK(chats.calls["DELETE"] == (rest == Millis(0) ? 6 : 3));
        chats.away = false;
        part(6);
        CHECK(chats.have.size() == (rest == Millis(0) ? 6 : 9));
        const Removal out = loop.run(remover.finish());
        CHECK(out.removed == 9);
        CHECK(out.left.empty());
        CHECK(chats.have.empty());
    }
}

TEST_CASE("opened threads: conversations of users are those that are no probe's") {
    CHECK(is_probe_thread("oaprobe_0123"));
    CHECK(is_probe_thread("oasmoke_0123"));
    CHECK_FALSE(is_probe_thread("of-a-user"));
    CHECK_FALSE(is_probe_thread("oaprobe"));
    LoopRig loop;
    const RawServer server(loop.executor(), [](const RawRequest& request) -> Script {
        const bool first = !request.path.contains("cursor");
        return {Send{json_answer(
            200,
            first ? R"({"data":[{"id":"oaprobe_1"},{"id":"a"}],"nextCursor":"x"})"
                  : R"({"data":[{"id":"b"},{"id":"oasmoke_2"}],"nextCursor":null})"
        )}};
    });
    const auto client = net::HttpClient::make(loop.executor());
    Target target;
    target.base_url = server.url();
    CHECK(loop.run(count_threads(*client, target, {}, 100)) == ThreadCount{.known = 2});
    const auto some = loop.run(count_threads(*client, target, {}, 2));
    CHECK(some == ThreadCount{.known = 1, .more = true});
}

} // namespace oa_stream::probe::test
