// How turns are counted: the words of a gate, and the counters behind each of them.
#include "oa_stream/telemetry/classes.hpp"
#include "oa_stream/telemetry/from_start.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace oa_stream::telemetry;

namespace {

using Words = std::vector<std::string>;

/// "+terminal_total{class=codex_error,route=/mine,probe=}": what the term takes, in order.
std::string shown(const Term& term) {
    std::string out = term.subtract ? "-" : "+";
    out += term.metric->name.substr(k_prefix.size());
    out += term.optional ? "?{" : "{";
    for (const LabelIs& label : term.labels) {
        out += std::string(out.back() == '{' ? "" : ",") + std::string(label.label);
        out += label.pattern ? "~" : "=";
        for (std::size_t i = 0; i < label.values.size(); ++i) {
            out += (i == 0 ? "" : "|") + label.values[i];
        }
    }
    return out + "}";
}

Words shown(const std::vector<Term>& terms) {
    Words out;
    for (const Term& term : terms) {
        out.push_back(shown(term));
    }
    return out;
}

const Words k_mine{"/mine"};

} // namespace

TEST_CASE("classes: each word has a bit of its own, and an unknown one has none") {
    CHECK(class_set({}) == 0);
    for (std::size_t i = 0; i < k_class_words.size(); ++i) {
        CHECK(class_set(Words{std::string(k_class_words[i])}) == 1U << i);
    }
    CHECK(class_set(Words{"completed", "ended", ""}) == 0);
    CHECK(class_set(Words{"unauthorised", "turn_failed", "turn_failed"}) == 0b1000001);
    CHECK(class_set(Words(k_class_words.begin(), k_class_words.end())) == 0b1111111);
}

TEST_CASE("classes: an ending counts by its class and by a refused credential, and by nothing else"
) {
    using enum TerminalClass;
    for (const TerminalRow& row : k_terminals) {
        CAPTURE(row.word);
        CHECK(classes_of(200, row.terminal) == class_set(Words{std::string(row.word)}));
    }
    const ClassSet refused = class_set(Words{std::string(oa_stream::k_unauthorised)});
    CHECK(classes_of(401, std::nullopt) == refused);
    CHECK(classes_of(403, std::nullopt) == refused);
    for (const int status : {200, 400, 402, 404, 499, 500}) {
        CHECK(classes_of(status, std::nullopt) == 0);
    }
    CHECK(classes_of(401, turn_failed) == class_set(Words{"turn_failed", "unauthorised"}));
}

TEST_CASE("classes: refused requests come from the request counter, classes from one term together"
) {
    CHECK(class_terms({}).empty());
    CHECK(
        shown(class_terms(Words{"codex_error", "client_gone"}, k_mine)) ==
        Words{"+terminal_total{class=codex_error|client_gone,route=/mine,probe=}"}
    );
    const auto both = class_terms(Words{"unauthorised", "turn_failed"}, k_mine);
    CHECK(
        shown(both) ==
        Words{
            "+http_requests_total{method=POST,route=/mine,probe=,status=401|403}",
            "+terminal_total{class=turn_failed,route=/mine,probe=}",
        }
    );
    CHECK(both[0].word == "unauthorised");
    CHECK(both[1].word == "turns of the class");
    CHECK(class_terms(Words{"unauthorised"}).size() == 1);
}

TEST_CASE("metrics: the terms of bad turns, each with the labels that it needs") {
    using enum BadEvent;
    const std::vector<BadEvent> all{http_5xx, terminal_error, empty, compat_rejected, rejected};
    CHECK(
        shown(bad_terms(all, k_mine)) ==
        Words{
            "+http_requests_total{method=POST,status~5..,route=/mine,probe=}",
            "+terminal_total{class=turn_failed|turn_aborted|codex_error|"
            "adapter_preview_unavailable,route=/mine,probe=}",
            "+empty_turns_total{route=/mine,probe=}",
            "+compat_rejected_total{probe=}",
            "+http_requests_total{method=POST,status=400|404|408|409|413|415|421|422|429,"
            "route=/mine,probe=}",
            // Lanes of an earlier build do not have it.
            "-terminal_5xx_total?{route=/mine,probe=}",
        }
    );
    CHECK(bad_terms(std::vector{terminal_error}).size() == 1);
    CHECK(bad_terms(std::vector{http_5xx, empty}).size() == 2);
    CHECK(shown(requests_term(k_mine)) == "+http_requests_total{method=POST,route=/mine,probe=}");
    CHECK(
        shown(late_term(k_mine)) ==
        "+terminal_total{class=turn_aborted|codex_error,route=/mine,probe=}"
    );
    const auto [requests, well] = other_terms(k_mine);
    CHECK(shown(requests) == "+http_requests_total{route=/mine,probe=}"); // of any method
    CHECK(shown(well) == "-terminal_total{class=completed,route=/mine,probe=}");
}

TEST_CASE("metrics: without routes given, all turn routes count; handshakes are made on compat's") {
    Words all;
    for (const TurnRoute& row : k_turn_routes) {
        all.emplace_back(row.pattern);
    }
    CHECK(route_is().values == all);
    CHECK(route_is(k_mine).values == k_mine);
    CHECK(
        handshake_routes() ==
        Words{"/api/chat/stream", "/api/chat", "/api/chats/{conversationId}/stream"}
    );
}

TEST_CASE("metrics: what a lane has of a term from its start, and what of it is not seen") {
    const Words chat{"/api/chat", "/v1/responses"};
    const auto terms = bad_terms(std::vector{BadEvent::http_5xx, BadEvent::compat_rejected}, chat);
    const FromStart failed = from_start(terms.at(0));
    CHECK(failed.label == "status");
    CHECK(failed.values == Words{"500", "501", "502", "503", "504"});
    CHECK(failed.routes == chat);
    const auto rejected = bad_terms(std::vector{BadEvent::rejected}, chat);
    CHECK(
        from_start(rejected.at(0)).values ==
        Words{"400", "404", "408", "409", "413", "415", "421", "422", "429"}
    );
    CHECK(from_start(requests_term()).size() == k_turn_statuses.size() * k_turn_routes.size());
    CHECK(from_start(terms.at(1)).size() == k_compat_codes.size());
    CHECK(from_start(requests_term(k_mine)).size() == 0); // carries no turns

    SeriesSeen seen;
    CHECK(unseen(terms.at(0), seen) == Words{"http_5xx"});
    for (const std::string& status : failed.values) {
        seen.emplace(status, "/api/chat");
    }
    CHECK(unseen(terms.at(0), seen) == Words{"http_5xx on /v1/responses"});
    for (const std::string& status : failed.values) {
        seen.emplace(status, "/v1/responses");
    }
    CHECK(unseen(terms.at(0), seen).empty());
    seen.erase({"502", "/api/chat"});
    CHECK(unseen(terms.at(0), seen) == Words{"status 502 on /api/chat"});
    seen.erase({"502", "/v1/responses"});
    CHECK(unseen(terms.at(0), seen) == Words{"status 502"});
    CHECK(unseen(late_term(chat), {}) == Words{"turn_aborted", "codex_error"});
}

TEST_CASE("metrics: probes are left out where a metric tells them apart") {
    const auto probes = no_probes(metric("terminal_total"));
    REQUIRE(probes.size() == 1);
    CHECK(probes[0].label == "probe");
    CHECK(probes[0].takes(""));
    CHECK_FALSE(probes[0].takes("true"));
    CHECK(no_probes(metric("active_streams")).empty());
    CHECK(no_probes(metric("normaliser_repairs_total")).empty());
}

TEST_CASE("metrics: the word of a probe is logged when it is short and plain") {
    for (const char* word : {"a", "z", "0", "9", "-", "smoke-2026", "az09-"}) {
        CHECK(probe_word(word) == word);
    }
    CHECK(probe_word(std::string(32, 'a')) == std::string(32, 'a'));
    CHECK(probe_word(std::string(33, 'a')) == "other");
    for (const char* word : {"", "A", "`", "{", "/", ":", "a b", "a_b", ".", ","}) {
        CAPTURE(word);
        CHECK(probe_word(word) == "other");
    }
}

TEST_CASE("metrics: a label without a pattern takes whole values, with one dots for characters") {
    const LabelIs plain{"status", {"401", "4.3"}};
    CHECK(plain.takes("401"));
    CHECK(plain.takes("4.3"));
    CHECK_FALSE(plain.takes("403"));
    CHECK_FALSE(plain.takes("40"));
    const LabelIs pattern{"status", {"5..", "429"}, true};
    CHECK(pattern.takes("500"));
    CHECK(pattern.takes("429"));
    CHECK_FALSE(pattern.takes("428"));
    CHECK_FALSE(LabelIs{"status", {}}.takes(""));
}

TEST_CASE("metrics: each kind has its word") {
    CHECK(to_string(Kind::counter) == "counter");
    CHECK(to_string(Kind::gauge) == "gauge");
    CHECK(to_string(Kind::histogram) == "histogram");
}

TEST_CASE("turns: 5xx begins at 500 and ends at 599") {
    const auto is_5xx = [](int status) {
        return (bad_events({.status = status}) & bit_of(BadEvent::http_5xx)) != 0;
    };
    CHECK_FALSE(is_5xx(499));
    CHECK(is_5xx(500));
    CHECK(is_5xx(599));
    CHECK_FALSE(is_5xx(600));
    CHECK(bad_events({.status = 200, .terminal = TerminalClass::completed}) == 0);
    CHECK(
        bad_events({.status = 502, .terminal = TerminalClass::turn_failed, .empty = true}) ==
        (bit_of(BadEvent::http_5xx) | bit_of(BadEvent::terminal_error) | bit_of(BadEvent::empty))
    );
}

TEST_CASE("turns: what counts as bad by default, as a set and in words") {
    CHECK(default_bad() == std::vector{BadEvent::http_5xx, BadEvent::terminal_error});
    CHECK(set_of(default_bad()) == 0b11);
    CHECK(bad_text(default_bad()) == "http_5xx | terminal_error");
    CHECK(set_of({}) == 0);
    CHECK(set_of(std::vector{BadEvent::compat_rejected}) == 0b1000);
    CHECK(set_of(std::vector{BadEvent::rejected}) == 0b10000);
    for (const BadRow& row : k_bad_events) {
        CHECK(to_string(row.event) == row.word);
    }
    CHECK(is_turn_route("/api/chat"));
    CHECK_FALSE(is_turn_route("/api/chats"));
}
