#include "oa_stream/telemetry/metrics.hpp"
#include "oa_stream/telemetry/turns.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace oa_stream::telemetry;

namespace {

bool is_bad(const Ending& ending) {
    return is_bad_by_default(bad_events(ending));
}

} // namespace

TEST_CASE("turns: which routes carry turns") {
    CHECK(is_turn_route("/api/chat/stream"));
    CHECK(is_turn_route("/api/chats/{conversationId}/stream"));
    CHECK(is_turn_route("/v1/chat/completions"));
    CHECK_FALSE(is_turn_route("/api/chats/{conversationId}/stop"));
    CHECK_FALSE(is_turn_route("other"));
}

TEST_CASE("turns: every ending is bad or good as its row says, and counts once") {
    struct Row {
        int status;
        std::optional<TerminalClass> terminal;
        bool bad;
    };
    using enum TerminalClass;
    for (const Row& row : {
             Row{200, completed, false},
             Row{200, turn_failed, true},
             Row{200, turn_aborted, true},
             Row{200, turn_interrupted, false},
             Row{200, codex_error, true},
             Row{200, adapter_preview_unavailable, true},
             Row{200, client_gone, false},
             Row{502, turn_failed, true}, // not streamed
             Row{499, client_gone, false},
             Row{499, turn_failed, true}, // the client left a turn that failed all the same
             Row{499, std::nullopt, false},
             Row{500, std::nullopt, true},
             Row{503, std::nullopt, true},
             Row{400, std::nullopt, false},
             Row{401, std::nullopt, false},
             Row{426, std::nullopt, false},
             Row{429, std::nullopt, false},
             Row{600, std::nullopt, false},
         }) {
        CAPTURE(row.status);
        CHECK(is_bad({row.status, row.terminal}) == row.bad);
    }
    CHECK_FALSE(is_bad({.status = 200, .terminal = completed, .empty = true}));
    CHECK(
        bad_events({.status = 200, .terminal = completed, .empty = true}) == bit_of(BadEvent::empty)
    );
    CHECK(bad_events({.status = 426}) == bit_of(BadEvent::compat_rejected));
}

TEST_CASE("turns: rejected is every 4xx that has no word of its own, and is not bad by default") {
    for (const int status : {400, 402, 404, 408, 409, 413, 415, 421, 422, 425, 427, 429, 498}) {
        CAPTURE(status);
        CHECK(bad_events({.status = status}) == bit_of(BadEvent::rejected));
        CHECK_FALSE(is_bad({.status = status}));
    }
    for (const int status : {200, 302, 399, 401, 403, 426, 499, 500}) {
        CAPTURE(status);
        CHECK_FALSE(is_rejected(status));
    }
    // Not streamed: the account's limit was used up.
    CHECK(
        bad_events({.status = 429, .terminal = TerminalClass::turn_failed}) ==
        (bit_of(BadEvent::rejected) | bit_of(BadEvent::terminal_error))
    );
}

TEST_CASE("turns: whole are those that ended well and were read, of the request that began them") {
    using enum TerminalClass;
    const Answered whole{.ending = {200, completed}, .began_turn = true, .read_to_end = true};
    const auto with = [&](Ending ending) {
        Answered out = whole;
        out.ending = ending;
        return is_whole_turn(out);
    };
    CHECK(is_whole_turn(whole));
    CHECK(with({.status = 200, .terminal = completed, .empty = true}));
    CHECK(with({.status = 499, .terminal = completed}));
    CHECK_FALSE(with({.status = 500, .terminal = completed}));
    CHECK_FALSE(with({.status = 200}));
    for (const TerminalRow& row : k_terminals) {
        CHECK(with({.status = 200, .terminal = row.terminal}) == (row.terminal == completed));
    }
    Answered resumed = whole;
    resumed.began_turn = false;
    CHECK_FALSE(is_whole_turn(resumed));
    Answered left = whole;
    left.read_to_end = false;
    CHECK_FALSE(is_whole_turn(left));
}

TEST_CASE("turns: words go both ways, and none stands twice") {
    std::set<std::string_view> seen;
    for (const TerminalRow& row : k_terminals) {
        CHECK(seen.insert(row.word).second);
        CHECK(terminal_of(row.word) == row.terminal);
        CHECK(to_string(row.terminal) == row.word);
    }
    CHECK_FALSE(terminal_of("ended"));
}

TEST_CASE("metrics: names are unique, whole, and say what they are") {
    std::set<std::string_view> seen;
    for (const Metric& row : k_metrics) {
        CAPTURE(row.name);
        CHECK(seen.insert(row.name).second);
        CHECK(row.name.starts_with(k_prefix));
        CHECK(row.name.ends_with("_total") == (row.kind == Kind::counter));
        const bool moment = row.name.ends_with("_time_seconds");
        CHECK((row.name.ends_with("_seconds") && !moment) == (row.kind == Kind::histogram));
        CHECK(row.help.ends_with('.'));
    }
}

TEST_CASE("metrics: 5xx answers and bad classes overlap, and the overlap is taken off once") {
    const auto words = [](std::vector<BadEvent> events) {
        std::string out;
        for (const Term& term : bad_terms(events)) {
            out += term.subtract ? "-" : "+";
            out += term.metric->name.substr(k_prefix.size());
        }
        return out;
    };
    CHECK(words(default_bad()) == "+http_requests_total+terminal_total-terminal_5xx_total");
    CHECK(words({BadEvent::http_5xx}) == "+http_requests_total");
    CHECK(
        words({BadEvent::terminal_error, BadEvent::empty}) == "+terminal_total+empty_turns_total"
    );
}

TEST_CASE("metrics: a label takes its values, and a dot is any character only in a pattern") {
    CHECK(LabelIs{"status", {"5.."}, true}.takes("503"));
    CHECK_FALSE(LabelIs{"status", {"5.."}, true}.takes("5033"));
    CHECK_FALSE(LabelIs{"status", {"5.."}, true}.takes("200"));
    CHECK_FALSE(LabelIs{"route", {"/a.b"}}.takes("/axb"));
    CHECK(route_is().takes("/v1/chat/completions"));
    const std::vector<std::string> one{"/mine"};
    CHECK_FALSE(route_is(one).takes("/api/chat"));
}
