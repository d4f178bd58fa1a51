#include "oa_stream/telemetry/metrics.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/lists.hpp"

#include <algorithm>

namespace oa_stream::telemetry {
namespace {

LabelIs classes(bool TerminalRow::* which) {
    LabelIs out{"class", {}};
    for (const TerminalRow& row : k_terminals) {
        if (row.*which) {
            out.values.emplace_back(row.word);
        }
    }
    return out;
}

LabelIs method() {
    return {"method", {std::string(k_turn_method)}};
}

LabelIs rejected_status() {
    LabelIs out{"status", {}};
    for (const int status : k_turn_statuses) {
        if (is_rejected(status)) {
            out.values.push_back(std::to_string(status));
        }
    }
    return out;
}

/// The term without probes.
Term users_term(Term term) {
    for (LabelIs& label : no_probes(*term.metric)) {
        term.labels.push_back(std::move(label));
    }
    return term;
}

Term term_of(BadEvent event, std::span<const std::string> routes) {
    const std::string_view word = to_string(event);
    switch (event) {
    case BadEvent::http_5xx:
        return {
            &metric("http_requests_total"),
            {method(), {"status", {"5.."}, true}, route_is(routes)},
            word
        };
    case BadEvent::terminal_error:
        return {&metric("terminal_total"), {classes(&TerminalRow::bad), route_is(routes)}, word};
    case BadEvent::empty:
        return {&metric("empty_turns_total"), {route_is(routes)}, word};
    case BadEvent::compat_rejected:
        return {&metric("compat_rejected_total"), {}, word};
    case BadEvent::rejected:
        break;
    }
    return {&metric("http_requests_total"), {method(), rejected_status(), route_is(routes)}, word};
}

} // namespace

std::string_view to_string(Kind kind) noexcept {
    constexpr std::array<std::string_view, 3> k_words{"counter", "gauge", "histogram"};
    return enum_word<Kind::histogram>(k_words, kind);
}

bool LabelIs::takes(std::string_view value) const noexcept {
    return std::ranges::any_of(values, [&](std::string_view wanted) {
        return std::ranges::equal(wanted, value, [this](char asked, char c) {
            return asked == c || (pattern && asked == '.');
        });
    });
}

LabelIs route_is(std::span<const std::string> routes) {
    LabelIs out{"route", {routes.begin(), routes.end()}};
    for (std::size_t i = 0; routes.empty() && i < k_turn_routes.size(); ++i) {
        out.values.emplace_back(k_turn_routes[i].pattern);
    }
    return out;
}

std::vector<LabelIs> no_probes(const Metric& metric) {
    if (!metric.labels.ends_with(k_probe_label)) {
        return {};
    }
    return {LabelIs{k_probe_label, {std::string()}}};
}

std::string probe_word(std::string_view header) {
    constexpr std::size_t k_longest = 32;
    const bool plain =
        !header.empty() && header.size() <= k_longest && std::ranges::all_of(header, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
        });
    return plain ? std::string(header) : "other";
}

std::vector<std::string> handshake_routes() {
    std::vector<std::string> out;
    for (const TurnRoute& row : k_turn_routes) {
        if (row.lane == "compat") {
            out.emplace_back(row.pattern);
        }
    }
    return out;
}

Term requests_term(std::span<const std::string> routes) {
    return users_term({&metric("http_requests_total"), {method(), route_is(routes)}, "requests"});
}

std::vector<Term> bad_terms(std::span<const BadEvent> events, std::span<const std::string> routes) {
    auto out = mapped(events, [&](BadEvent event) { return users_term(term_of(event, routes)); });
    if ((set_of(events) & k_bad_twice) == k_bad_twice) {
        out.push_back(users_term(
            {.metric = &metric("terminal_5xx_total"),
             .labels = {route_is(routes)},
             .word = "failed turns answered 5xx",
             .subtract = true,
             .optional = true}
        ));
    }
    return out;
}

Term late_term(std::span<const std::string> routes) {
    return users_term(
        {&metric("terminal_total"),
         {classes(&TerminalRow::may_be_late), route_is(routes)},
         "turns that failed"}
    );
}

std::array<Term, 2> other_terms(std::span<const std::string> routes) {
    return {
        users_term({&metric("http_requests_total"), {route_is(routes)}, "requests of any method"}),
        users_term(
            {.metric = &metric("terminal_total"),
             .labels = {{"class", {"completed"}}, route_is(routes)},
             .word = "turns that ended well",
             .subtract = true}
        ),
    };
}

} // namespace oa_stream::telemetry
