// A start of which nobody knows whether it took place, and the message that is sent again after it.
#include "../lane_rig.hpp"

#include <optional>
#include <string_view>

using namespace oa_stream;
using namespace oa_stream::test;

namespace {

/// The second message of its conversation ran, but the authority's answer did not come in time.
struct DoubtRig : LaneRig {
    DoubtRig() {
        complete(chat("c1", "one"));
        authority.refuse = [](const authority::TurnRequest& /*any*/) {
            return std::optional(Error{Code::timeout, "no answer in time", "", ""});
        };
        CHECK(send(message("two", "u2")).status == 504);
        authority.refuse = nullptr;
        authority::PastTurn ran;
        ran.id = "turn-ran";
        ran.user_text = "two";
        ran.client_message_id = "u2";
        authority.past = {ran};
    }
    net::ClientRequest
    message(std::string_view text, std::string_view id, std::string_view key = "k2") {
        auto request = post("/api/chats/c1/stream", user_message(text, id));
        request.headers.set("idempotency-key", std::string(key));
        return request;
    }
    /// The turn that this message's turn replaces.
    std::optional<std::string> replaced_by(net::ClientRequest request) {
        const auto stream = open(std::move(request));
        until("the stream", [&] { return stream->has("start-step") || stream->ended; });
        complete(stream);
        return authority.last().request.revert_from_turn;
    }
};

} // namespace

TEST_CASE("start in doubt: the same message under another key replaces the turn") {
    DoubtRig rig;
    CHECK(rig.replaced_by(rig.message("two", "u2", "k3")) == "turn-ran");
}

TEST_CASE("start in doubt: under its key the turn that completed is not run a second time") {
    DoubtRig rig;
    const auto starts = rig.authority.starts;
    const auto response = rig.send(rig.message("two", "u2"));
    CHECK(response.status == 409);
    CHECK(parse_json(response.body)->at("error").at("code") == "already_answered");
    CHECK(rig.authority.starts == starts);
}

TEST_CASE("start in doubt: under its key the turn that was interrupted is replaced") {
    DoubtRig rig;
    rig.authority.past.front().outcome = turn::Outcome::interrupted;
    CHECK(rig.replaced_by(rig.message("two", "u2")) == "turn-ran");
}

TEST_CASE("start in doubt: another message is a plain next one, and ends the doubt") {
    DoubtRig rig;
    CHECK(rig.replaced_by(rig.message("three", "u3", "k4")) == std::nullopt);
    const auto reads = rig.authority.history_reads;
    CHECK(rig.replaced_by(rig.message("four", "u4", "k5")) == std::nullopt);
    CHECK(rig.authority.history_reads == reads);
}
