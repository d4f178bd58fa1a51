#include "oa_stream/base/file.hpp"

#include "mapping.hpp"
#include "stream_support.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <map>
#include <set>

namespace fs = std::filesystem;
using namespace oa_stream;
using namespace oa_stream::encode;
using namespace oa_stream::encode::test;

namespace {

std::set<std::string> split(std::string_view list) {
    std::set<std::string> out;
    while (!list.empty()) {
        const std::size_t end = std::min(list.find(", "), list.size());
        out.emplace(list.substr(0, end));
        list.remove_prefix(std::min(end + 2, list.size()));
    }
    return out;
}

/// Every event's chunk types, over all captures and a few turns that no capture has.
std::map<std::string, std::set<std::string>> chunks_by_event() {
    std::vector<std::vector<turn::Event>> turns;
    for (const auto& entry :
         fs::directory_iterator(fs::path(OA_SOURCE_DIR) / "fixtures/captures")) {
        if (entry.path().extension() == ".jsonl") {
            if (const auto capture = authority::read_capture(entry.path())) {
                auto& events = turns.emplace_back();
                for (const auto& timed : capture->events) {
                    events.push_back(timed.event);
                }
            }
        }
    }
    using namespace turn;
    turns.push_back({TurnStarted{}, ToolOpened{"c", "t"}, ToolInputDelta{"c", "{}"}, TurnEnded{}});
    std::map<std::string, std::set<std::string>> seen;
    const auto take = [&](UiEncoder& encoder, const Event& event) {
        std::string out;
        REQUIRE(encoder.encode(event, out).has_value());
        auto& types = seen[std::string(name_of(event))];
        for (std::string type : types_of(out)) {
            const bool note = std::holds_alternative<Note>(event) && type.starts_with("data-");
            types.insert(note ? "data-NAME" : std::move(type));
        }
    };
    for (auto& events : turns) {
        UiEncoder encoder(options());
        for (const Event& event : normalised(std::move(events))) {
            take(encoder, event);
        }
    }
    auto approving = options();
    approving.approvals = true;
    UiEncoder asking(approving);
    for (const Event& event : std::vector<Event>{
             TurnStarted{},
             ToolOpened{"c", "t"},
             ToolInputReady{"c", Json::object()},
             ApprovalAsked{"a", "c"},
             ApprovalSettled{"a", false},
             ToolFailed{"c", "no"},
             TurnEnded{}
         }) {
        take(asking, event);
    }
    // The encoder closes what is open by itself too.
    UiEncoder encoder(options());
    for (const Event& event : std::vector<Event>{
             TurnStarted{},
             PartOpened{"m"},
             PartOpened{"r", PartKind::reasoning},
             ToolOpened{"c", "t"},
             TurnEnded{}
         }) {
        take(encoder, event);
    }
    UiEncoder silent(options());
    take(silent, TurnStarted{});
    take(silent, TurnEnded{Outcome::completed, Finish::length});
    return seen;
}

} // namespace

TEST_CASE("mapping: docs/mapping.md is what the tables say") {
    const auto page = read_file(fs::path(OA_SOURCE_DIR) / "docs/mapping.md");
    const std::string now = mapping_markdown();
    if (!page || *page != now) {
        const fs::path fresh = fs::path(OA_BINARY_DIR) / "mapping.md";
        REQUIRE(write_file_atomic(fresh, now).has_value());
        FAIL("docs/mapping.md differs from " << fresh.string());
    }
    SUCCEED();
}

TEST_CASE("mapping: each event writes the chunks of its row, and every chunk of a row is seen") {
    auto seen = chunks_by_event();
    // begin() writes the first two when the stream opens, so the event itself adds them or nothing.
    for (const ChunkRow& row : chunk_rows()) {
        CAPTURE(std::string(row.event));
        CHECK(seen[std::string(row.event)] == split(row.chunks));
        seen.erase(std::string(row.event));
    }
    CHECK(seen.empty());
}

TEST_CASE("mapping: the rows of Codex name only events that exist") {
    std::set<std::string> known;
    for (const ChunkRow& row : chunk_rows()) {
        known.emplace(row.event);
    }
    for (const CodexRow& row : codex_rows()) {
        for (const std::string& event : split(row.events)) {
            CAPTURE(std::string(row.message), event);
            CHECK(known.contains(event));
        }
    }
}
