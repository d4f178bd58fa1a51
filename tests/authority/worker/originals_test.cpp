// The platform's own fixtures: worker events, Khala frames (one of them broken), payload hashes.
#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/file.hpp"

#include "worker/control/control_answers.hpp"
#include "worker/events/contract_dialect.hpp"
#include "worker/events/worker_translator.hpp"
#include "worker/khala/khala_frames.hpp"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace oa_stream;
using namespace oa_stream::authority;
using Kind = KhalaFrame::Kind;

namespace {

const KhalaFilter k_filter{"runtime.codex_worker_events", "desktopw:desktop:shared"};

Json fixture(std::string_view name) {
    const auto text =
        read_file(std::filesystem::path(OA_SOURCE_DIR) / "fixtures" / "originals" / name);
    REQUIRE(text.has_value());
    return *parse_json(*text);
}

/// A notification as the message of either wire.
KhalaFrame rust_frame(const Json& event) {
    Json message =
        Json::object({{"topic", k_filter.topic}, {"sequence", event.at("seq")}, {"payload", event}}
        );
    return read_rust_frame(
        dump_json(Json::object({{"type", "message"}, {"message", std::move(message)}})), k_filter
    );
}
KhalaFrame phoenix_frame(const Json& event, const std::string& hash) {
    Json update = Json::object(
        {{"topic", k_filter.topic},
         {"doc_version", event.at("seq")},
         {"watermark", event.at("seq")},
         {"payload_hash", hash},
         {"payload", event}}
    );
    return read_phoenix_frame(
        dump_json(Json::array(
            {"1",
             nullptr,
             "sync:v1",
             "sync:update_batch",
             Json::object({{"updates", Json::array({std::move(update)})}})}
        )),
        k_filter
    );
}

/// What one turn's events say: text, reasoning, and how often it ended.
struct Said {
    std::string text{}, reasoning{};
    int ends = 0;
    std::optional<turn::Usage> usage{};
};
Said said_by(const Json& events, std::uint64_t& unknown) {
    WorkerTranslator translator({.thread = "thr_01HZZTHREAD", .turn = "turn_01HZZTURN"});
    std::vector<turn::Event> out;
    for (const Json& event : events) {
        const auto frame = rust_frame(event);
        REQUIRE(frame.kind == Kind::events);
        REQUIRE(frame.events.size() == 1);
        const WorkerEvent& read = frame.events.front();
        CHECK(read.seq == event.at("seq").get<std::uint64_t>());
        if (read.method.empty()) {
            ++unknown; // a handshake: a method, but no params
            continue;
        }
        CHECK(read.method == event.at("method_text").get<std::string>());
        if (ids_of(*read.params()).turn == "turn_01HZZTURN") {
            translator.push(read.method, *read.params(), out);
        }
    }
    unknown += translator.unknown();
    Said said;
    std::map<std::string, turn::PartKind> kinds;
    for (const turn::Event& event : out) {
        if (const auto* opened = std::get_if<turn::PartOpened>(&event)) {
            kinds[opened->id] = opened->kind;
        } else if (const auto* delta = std::get_if<turn::PartDelta>(&event)) {
            const bool text = kinds[delta->id] == turn::PartKind::text;
            (text ? said.text : said.reasoning) += delta->text;
        } else if (const auto* end = std::get_if<turn::TurnEnded>(&event)) {
            ++said.ends;
            said.usage = end->usage;
        }
    }
    return said;
}

} // namespace

TEST_CASE("originals: the worker events are one turn, and two handshakes that nobody needs") {
    const auto [name, list] = GENERATE(
        std::pair{"codex-worker-events-v1.json", "notification_events"},
        std::pair{"khala-ws-golden.json", "all_events"}
    );
    std::uint64_t unknown = 0;
    const auto said = said_by(fixture(name).at(list), unknown);
    CHECK(said.text == "Doing well.");
    CHECK(said.reasoning == "Thinking...");
    CHECK(said.ends == 1);
    REQUIRE(said.usage);
    CHECK(said.usage->input == 31);
    CHECK(unknown == 2); // what follows the end is dropped before anybody asks what it is
}

TEST_CASE("originals: an event without method_text is known by its enumerator") {
    for (Json event : fixture("codex-worker-events-v1.json").at("notification_events")) {
        const auto wanted = event.at("method_text").get<std::string>();
        event.erase("method_text");
        if (auto& payload = event.at("payload"); payload.contains("params")) {
            payload.erase("method");
            if (wanted != "desktop/user_message") {
                CHECK(rust_frame(event).events.front().method == wanted);
            }
        }
    }
}

TEST_CASE("originals: summary and receipt of the worker") {
    const Json all = fixture("codex-worker-events-v1.json");
    const auto worker = read_snapshot(all.at("worker_summary"));
    CHECK(worker.latest_seq == 307);
    CHECK(worker.trouble().empty()); // "healthy" is "fresh"
    const auto receipt = read_receipt(Json::object({{"data", all.at("worker_request_response")}}));
    REQUIRE(receipt);
    CHECK(turn_of(*receipt).empty()); // it names no turn
}

TEST_CASE("originals: Khala's frames, and the one whose payload is broken") {
    for (const Json& one : fixture("khala-frame-v1.json").at("fixtures")) {
        const Json frame = Json::array({"1", nullptr, "sync:v1", "sync:frame", one.at("frame")});
        const auto read = read_phoenix_frame(dump_json(frame), k_filter);
        // Batches come under their own name, too. An error may come in this form alone.
        CHECK(read.kind == (one.at("name") == "stale_cursor_error" ? Kind::stale : Kind::none));
    }
    CHECK(
        read_phoenix_frame(
            R"(["1",null,"sync:v1","sync:frame",{"kind":"KHALA_FRAME_KIND_ERROR","payload_bytes":"e30i"}])",
            k_filter
        )
            .kind == Kind::none
    );
}

TEST_CASE("originals: errors of the stream by their enumerators") {
    const Json errors = fixture("codex-worker-events-v1.json").at("stream_errors");
    const auto read = [](const Json& error) {
        return read_phoenix_frame(
            dump_json(Json::array({"1", nullptr, "sync:v1", "sync:error", error})), k_filter
        );
    };
    CHECK(read(errors.at("stale_cursor")).kind == Kind::stale);
    CHECK(read(errors.at("reauth_required")).kind == Kind::reauth);
}

TEST_CASE("originals: the hash vectors hold, and no update is judged by its hash") {
    for (const Json& vector : fixture("khala_payload_hash_vectors.v1.json").at("vectors")) {
        const auto canonical = vector.at("canonical_json").get<std::string>();
        CHECK(nlohmann::json::parse(dump_json(vector.at("payload"))).dump() == canonical);
        CHECK("sha256:" + sha256_hex(canonical) == vector.at("sha256").get<std::string>());
    }
    const Json event = fixture("codex-worker-events-v1.json").at("notification_events").at(3);
    for (const auto* hash : {"", "AAAA", "no base64"}) {
        const auto frame = phoenix_frame(event, hash);
        REQUIRE(frame.events.size() == 1);
        CHECK_FALSE(frame.events.front().missing);
    }
}
