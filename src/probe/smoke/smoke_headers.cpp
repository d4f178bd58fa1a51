// Checks each required header separately: an edge may treat routes differently.
#include "oa_stream/base/text.hpp"
#include "oa_stream/contract/judge.hpp"
#include "oa_stream/net/oa_headers.hpp"

#include "smoke_run.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::probe {
namespace {

using Head = contract::ResponseHead;

std::string seen_of(const Head& head, std::string_view name) {
    const auto value = header(head, name);
    return value ? "\"" + printable(*value, 100) + "\"" : std::string("none");
}

std::string value_of(const Head& head, std::string_view name) {
    return header(head, name).value_or("");
}

bool has(const Head& head, std::string_view name) {
    return !value_of(head, name).empty();
}

bool event_stream(const Head& h) {
    return media_type_of(value_of(h, "content-type")) == "text/event-stream";
}

bool not_cached(const Head& h) {
    const std::string value = value_of(h, "cache-control");
    return lists_word(value, "no-cache") && lists_word(value, "no-transform");
}

bool window(const Head& h) {
    return has(h, "x-oa-compatibility-min-client-build-id") &&
           has(h, "x-oa-compatibility-min-schema-version") &&
           has(h, "x-oa-compatibility-max-schema-version");
}

bool not_retired(const Head& h) {
    return !has(h, net::k_retired_header) && !has(h, net::k_canonical_header) &&
           !has(h, net::k_retired_protocol_header);
}

struct HeaderRule {
    std::string_view check;
    std::string_view header; ///< name to display
    std::string_view expected;
    bool (*holds)(const Head&);
    bool own_make; ///< only required of a lane of our make
};

// clang-format off
constexpr std::array k_headers{
    HeaderRule{"headers.content-type", "content-type", "text/event-stream", event_stream, false},
    HeaderRule{"headers.cache-control", "cache-control", "no-cache, no-transform", not_cached, false},
    HeaderRule{"headers.ui-message-stream", "x-vercel-ai-ui-message-stream", "v1",
        [](const Head& h) { return value_of(h, "x-vercel-ai-ui-message-stream") == "v1"; }, false},
    HeaderRule{"headers.accel-buffering", "x-accel-buffering", "no",
        [](const Head& h) { return iequals(value_of(h, "x-accel-buffering"), "no"); }, false},
    HeaderRule{"headers.not-encoded", "content-encoding", "no content-encoding, no content-length",
        [](const Head& h) { return !has(h, "content-encoding") && !has(h, "content-length"); }, false},
    HeaderRule{"headers.request-id", "x-request-id", "a value",
        [](const Head& h) { return has(h, "x-request-id"); }, true},
    HeaderRule{"headers.revision", net::k_revision_header, "a value",
        [](const Head& h) { return has(h, net::k_revision_header); }, true},
    HeaderRule{"headers.thread-id", net::k_thread_header, "a value",
        [](const Head& h) { return has(h, net::k_thread_header); }, true},
    HeaderRule{"headers.turn-id", net::k_turn_header, "a value",
        [](const Head& h) { return has(h, net::k_turn_header); }, true},
    HeaderRule{"headers.compat-window", "x-oa-compatibility-min-client-build-id",
        "min-client-build-id, min-schema-version, max-schema-version", window, false},
    HeaderRule{"headers.not-retired", net::k_retired_header, "none of the retired headers",
        not_retired, false},
};
// clang-format on

bool got_head(const Happy& happy) {
    return happy.sample.status == 200;
}

Head head_of(const Happy& happy) {
    return {.headers = happy.sample.headers.all()};
}

void judge_header(Smoke& smoke, const HeaderRule& rule, const Happy& answered) {
    const Happy* broken = smoke.first([&rule](const Happy& happy) {
        return got_head(happy) && !rule.holds(head_of(happy));
    });
    const bool holds = broken == nullptr;
    const Happy& judged = holds ? answered : *broken;
    const Head head = head_of(judged);
    const bool length = rule.header == "content-encoding" && has(head, "content-length");
    const std::string seen = length ? "a content-length" : seen_of(head, rule.header);
    if (!holds && rule.own_make && !smoke.named) {
        smoke.not_applicable(
            rule.check, fmt::format("{} is missing, in a lane of another make", rule.header)
        );
        return;
    }
    smoke.judge(
        rule.check,
        holds ? ""
              : fmt::format(
                    "{}: expected {}, saw {} ({})", rule.header, rule.expected, seen, judged.route
                ),
        fmt::format("{}: {}", rule.header, seen)
    );
}

} // namespace

std::string wrong_with_head_alone(const Smoke& smoke, const ProbeSample& resumed) {
    const bool reported = smoke.first([](const Happy& happy) {
        return happy.sample.outcome == Outcome::headers_missing;
    }) != nullptr;
    return resumed.outcome != Outcome::headers_missing || reported
               ? ""
               : fmt::format("{}: {}", to_string(resumed.outcome), resumed.detail);
}

void smoke_headers(Smoke& smoke) {
    const Happy* answered = smoke.first(got_head);
    for (const HeaderRule& rule : k_headers) {
        if (answered == nullptr) {
            smoke.skip(rule.check, "no happy path answered HTTP 200");
        } else if (rule.check == "headers.compat-window" && !smoke.options.target.compat) {
            smoke.not_applicable(rule.check, "compat was switched off for this target");
        } else {
            judge_header(smoke, rule, *answered);
        }
    }
}

} // namespace oa_stream::probe
