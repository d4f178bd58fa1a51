#include "support.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream::contract;

namespace {

std::set<std::string> resumed(
    std::string_view recording, int status, std::string_view answer, std::size_t cut = k_whole
) {
    Judge judge(Profile::ai_sdk);
    judge.replays(recording);
    judge.head(good_head(status));
    feed(judge, answer, cut);
    return ids(judge.finish().violations);
}

std::string without(std::string_view stream, std::string_view frame_with) {
    std::string out(stream);
    const std::size_t at = out.rfind("data:", out.find(frame_with));
    out.erase(at, out.find("\n\n", at) + 2 - at);
    return out;
}

} // namespace

TEST_CASE("resume: a full replay keeps every rule, at any cut, written in any way") {
    CHECK(resumed(k_good, 200, k_good).empty());
    CHECK(resumed(k_good, 200, k_good, 3).empty());
    std::string spaced(k_good);
    spaced.replace(spaced.find("{\"type\":\"text-start\""), 7, "{ \"type\"");
    CHECK(resumed(k_good, 200, ": ping\n\n" + spaced).empty());
    // The recording broke off: the replay goes on beyond it.
    CHECK(resumed(k_good.substr(0, 100), 200, k_good).empty());
}

TEST_CASE("resume: 204 without a body is an answer, other statuses are R1") {
    CHECK(resumed(k_good, 204, "").empty());
    CHECK(resumed(k_good, 204, "x") == std::set<std::string>{"R2"});
    CHECK(resumed(k_good, 404, "") == std::set<std::string>{"R1"});
}

TEST_CASE("resume: another start is R3, another chunk R4") {
    std::string other(k_good);
    other.replace(other.find("\"m1\""), 4, "\"m2\"");
    CHECK(resumed(k_good, 200, other) == std::set<std::string>{"R3", "R4"});
    std::string text(k_good);
    text.replace(text.find("\"Hi\""), 4, "\"Ho\"");
    CHECK(resumed(k_good, 200, text) == std::set<std::string>{"R4"});
    CHECK(resumed(k_good, 200, without(k_good, "text-delta")) == std::set<std::string>{"R4"});
    CHECK(
        resumed(k_good, 200, k_good.substr(0, k_good.find("data: [DONE]"))) ==
        std::set<std::string>{"O6", "R4"}
    );
    CHECK(resumed(k_good, 200, "").contains("R3"));
}

TEST_CASE("resume: the first difference is named, once, with its place") {
    Judge judge(Profile::ai_sdk);
    judge.replays(k_good);
    judge.feed(without(k_good, "text-start"));
    std::vector<std::string> messages;
    for (const Violation& found : judge.finish().violations) {
        if (found.rule->id == "R4") {
            messages.push_back(found.message);
        }
    }
    CHECK(messages == std::vector<std::string>{"the replay differs from chunk 2 of the recording"});
}

TEST_CASE("resume: what is no recording is none, however much is in it") {
    for (const std::string_view none :
         {"", "\x01\xfe\x80 random\n\n", "{\"type\":\"start\"}", ": ping\n\n", "data: Hi\n\n"}) {
        CAPTURE(none);
        const auto known = check_recording(none);
        REQUIRE_FALSE(known.has_value());
        CHECK(known.error().code == oa_stream::Code::unreadable);
    }
    CHECK(check_recording(k_good));
    CHECK(check_recording(k_good.substr(0, 100))); // it broke off
}

TEST_CASE("resume: transient data is not replayed") {
    std::string live(k_good);
    live.insert(
        live.find("data: {\"type\":\"text-end\""),
        "data: {\"type\":\"data-x\",\"data\":1,\"transient\":true}\n\n"
    );
    CHECK(resumed(live, 200, k_good).empty());
    CHECK(resumed(k_good, 200, live).empty());
    std::string kept(live);
    kept.replace(kept.find(",\"transient\":true"), 17, "");
    CHECK(resumed(kept, 200, k_good) == std::set<std::string>{"R4"});
}
