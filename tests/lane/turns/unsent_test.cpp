// Messages that a page holds in front of its newest one, and whose own requests were refused.
#include "../lane_rig.hpp"

#include <string>
#include <string_view>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::test;

namespace {

/// The page has asked u1, and got its answer. Then another page asked "theirs", and kept u2 out.
struct KeptOutRig : LaneRig {
    explicit KeptOutRig(lane::LaneConfig config = quick()) : LaneRig(std::move(config)) {
        complete(chat("c", "one"));
        past("turn-1", "u1", "one");
        past("turn-2", "theirs", "theirs");
        ids->note_turn("", "c", "digest", "turn-2");
    }
    void past(std::string id, std::string message, std::string text) {
        authority::PastTurn turn{.id = std::move(id), .user_text = std::move(text)};
        turn.client_message_id = std::move(message);
        authority.past.push_back(std::move(turn));
    }
    /// What the authority is asked with the page's u1, its answer, and these.
    std::vector<std::string> asked(std::string_view messages) {
        stream = open(post(
            "/api/chats/c/stream",
            fmt::format(
                R"({{"messages":[{{"id":"u1","role":"user","content":"one"}},)"
                R"({{"id":"turn-1","role":"assistant","content":"a"}},{}]}})",
                messages
            )
        ));
        until("the stream", [&] { return stream->has("start-step"); });
        complete(stream);
        std::vector<std::string> texts;
        for (const auto& part : authority.last().request.input) {
            const auto* text = std::get_if<authority::InputText>(&part);
            texts.push_back(text == nullptr ? "an image" : text->text);
        }
        return texts;
    }
    std::shared_ptr<Stream> stream;
};

constexpr std::string_view k_kept_out =
    R"({"id":"u2","role":"user","content":"two"},{"id":"u3","role":"user","content":"three"})";

using Texts = std::vector<std::string>;

} // namespace

TEST_CASE("unsent: a message that was refused goes with the one that is typed next") {
    KeptOutRig rig;
    CHECK(rig.asked(k_kept_out) == Texts{"two", "three"});
    CHECK(rig.authority.last().request.client_message_id == "u3");
    CHECK(rig.authority.last().request.thread == rig.ids->find("", "c")->thread);
    CHECK(rig.stream->head.headers.get("x-oa-ignored").value_or("") == "");
}

TEST_CASE("unsent: several, with what cannot be passed on named") {
    KeptOutRig rig;
    constexpr std::string_view k_several =
        R"({"id":"u2","role":"user","parts":[{"type":"text","text":"two"},)"
        R"({"type":"file","mediaType":"application/pdf","url":"data:application/pdf;base64,AA=="}]},)"
        R"({"role":"system","content":"s"},{"id":"u3","role":"user","content":"three"},)"
        R"({"id":"u4","role":"user","content":"four"})";
    constexpr std::string_view k_ignored = "messages[3], messages[2].parts[1]"; // no --allow system
    CHECK(rig.asked(k_several) == Texts{"two", "three", "four"});
    CHECK(rig.stream->head.headers.get("x-oa-ignored").value_or("") == k_ignored);
}

TEST_CASE("unsent: one whose turn is there, or may be, is not sent twice") {
    KeptOutRig rig;
    std::string messages(k_kept_out);
    SECTION("its turn has its id") {
        rig.past("turn-3", "u2", "two and a file");
    }
    SECTION("a turn since the page's answer has its text: the page made a new id") {
        rig.past("turn-3", "other", "two");
    }
    SECTION("the newest turn is not listed yet") {
        rig.ids->note_turn("", "c", "digest", "turn-3");
    }
    SECTION("a turn is there without the page's id") {
        rig.authority.past.push_back({.id = "turn-3", .user_text = "with a file"});
    }
    SECTION("it has no id") {
        messages = R"({"role":"user","content":"two"},{"id":"u3","role":"user","content":"three"})";
    }
    CHECK(rig.asked(messages) == Texts{"three"});
}

TEST_CASE("unsent: a text that was asked before the page's answer is a new one") {
    KeptOutRig rig;
    CHECK(
        rig.asked(R"({"id":"u2","role":"user","content":"one"},)"
                  R"({"id":"u3","role":"user","content":"three"})") == Texts{"one", "three"}
    );
}

TEST_CASE("unsent: what is too long together is named") {
    auto config = LaneRig::quick();
    config.limits.text_chars = 7;
    KeptOutRig rig(config);
    CHECK(rig.asked(k_kept_out) == Texts{"three"});
    CHECK(rig.stream->head.headers.get("x-oa-ignored") == "messages[2]");
}

TEST_CASE("unsent: what is too long together is refused with the limit where nothing may be ignored"
) {
    auto config = LaneRig::quick();
    config.limits.text_chars = 7;
    config.strict_body = true;
    KeptOutRig rig(config);
    const auto answer = rig.send(rig.post(
        "/api/chats/c/stream",
        fmt::format(
            R"({{"messages":[{{"id":"u1","role":"user","content":"one"}},)"
            R"({{"id":"turn-1","role":"assistant","content":"a"}},{}]}})",
            k_kept_out
        )
    ));
    CHECK(answer.status == 422);
    CHECK(
        parse_json(answer.body).value()["errors"]["request.params.text"][0] ==
        "the text must not be longer than 7 characters, with messages[2], which no turn has "
        "answered and goes with it"
    );
}

TEST_CASE("unsent: a worker's thread, which has no ids of pages, is not read for it") {
    KeptOutRig rig;
    rig.authority.able = {.name = "worker", .worker = "w"};
    rig.authority.history_error = Error{.code = Code::unavailable, .message = "too many commands"};
    const auto reads = rig.authority.history_reads;
    CHECK(rig.asked(k_kept_out) == Texts{"three"});
    CHECK(rig.authority.history_reads == reads);
}

TEST_CASE("unsent: regenerating the last of several refused messages sends all of them") {
    KeptOutRig rig;
    const auto stream = rig.open(rig.post(
        "/api/chats/c/stream",
        fmt::format(R"({{"trigger":"regenerate-message","messages":[{}]}})", k_kept_out)
    ));
    rig.until("the answer", [&] { return stream->ended || stream->has("start-step"); });
    CHECK(stream->head.status == 200);
    const auto& request = rig.authority.last().request;
    CHECK(request.client_message_id == "u3");
    CHECK(request.input.size() == 2);
    CHECK_FALSE(request.revert_from_turn.has_value());
    rig.complete(stream);
}
