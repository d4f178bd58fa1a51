// Each required header of the answer on its own, judged on the first happy path that got a head.
#include "oa_stream/base/text.hpp"

#include "smoke_run.hpp"
#include "stream/outcome.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::probe {
namespace {

using net::Headers;

std::string value_of(const Headers& headers, std::string_view name) {
    const auto value = headers.get(name);
    return value ? "\"" + printable(*value, 100) + "\"" : std::string("none");
}

bool is(const Headers& headers, std::string_view name, std::string_view wanted) {
    return iequals(trim(headers.get(name).value_or("")), wanted);
}

bool event_stream(const Headers& h) {
    return has_media_type(h, "text/event-stream");
}

bool not_cached(const Headers& h) {
    const std::string_view value = h.get("cache-control").value_or("");
    return lists_word(value, "no-cache") && lists_word(value, "no-transform");
}

bool window(const Headers& h) {
    return h.has("x-oa-compatibility-min-client-build-id") &&
           h.has("x-oa-compatibility-min-schema-version") &&
           h.has("x-oa-compatibility-max-schema-version");
}

bool not_retired(const Headers& h) {
    return !h.has("x-oa-legacy-chat-retired") && !h.has("x-oa-legacy-chat-canonical") &&
           !h.has("x-oa-legacy-chat-stream-protocol");
}

struct HeaderRule {
    std::string_view check;
    std::string_view header; ///< shown as seen
    std::string_view expected;
    bool (*holds)(const Headers&);
    bool own_make; ///< only a lane of our make must have it
};

// clang-format off
constexpr std::array k_headers{
    HeaderRule{"headers.content-type", "content-type", "text/event-stream", event_stream, false},
    HeaderRule{"headers.cache-control", "cache-control", "no-cache, no-transform", not_cached, false},
    HeaderRule{"headers.ui-message-stream", "x-vercel-ai-ui-message-stream", "v1",
        [](const Headers& h) { return is(h, "x-vercel-ai-ui-message-stream", "v1"); }, false},
    HeaderRule{"headers.accel-buffering", "x-accel-buffering", "no",
        [](const Headers& h) { return is(h, "x-accel-buffering", "no"); }, false},
    HeaderRule{"headers.not-encoded", "content-encoding", "no content-encoding, no content-length",
        [](const Headers& h) { return !h.has("content-encoding") && !h.has("content-length"); }, false},
    HeaderRule{"headers.request-id", "x-request-id", "a value",
        [](const Headers& h) { return h.has("x-request-id"); }, true},
    HeaderRule{"headers.revision", "x-oa-revision", "a value",
        [](const Headers& h) { return h.has("x-oa-revision"); }, true},
    HeaderRule{"headers.thread-id", "x-oa-thread-id", "a value",
        [](const Headers& h) { return h.has("x-oa-thread-id"); }, true},
    HeaderRule{"headers.turn-id", "x-oa-turn-id", "a value",
        [](const Headers& h) { return h.has("x-oa-turn-id"); }, true},
    HeaderRule{"headers.compat-window", "x-oa-compatibility-min-client-build-id",
        "min-client-build-id, min-schema-version, max-schema-version", window, false},
    HeaderRule{"headers.not-retired", "x-oa-legacy-chat-retired", "none of the retired headers",
        not_retired, false},
};
// clang-format on

// An edge compresses only what asks for it, and one of the happy paths does.
const Headers& judged_by(const Smoke& smoke, const HeaderRule& rule, const Happy& answered) {
    const Happy* encoded = smoke.first([&rule](const Happy& happy) {
        return rule.header == "content-encoding" && happy.sample.headers.has(rule.header);
    });
    return (encoded == nullptr ? answered : *encoded).sample.headers;
}

void judge_header(Smoke& smoke, const HeaderRule& rule, const Headers& headers) {
    const bool length = rule.header == "content-encoding" && headers.has("content-length");
    const std::string seen = length ? "a content-length" : value_of(headers, rule.header);
    const bool holds = rule.holds(headers);
    if (!holds && rule.own_make && !smoke.named) {
        smoke.not_applicable(
            rule.check, fmt::format("{} is missing, in a lane of another make", rule.header)
        );
        return;
    }
    smoke.judge(
        rule.check,
        holds ? "" : fmt::format("{}: expected {}, saw {}", rule.header, rule.expected, seen),
        fmt::format("{}: {}", rule.header, seen)
    );
}

} // namespace

void smoke_headers(Smoke& smoke) {
    const Happy* answered =
        smoke.first([](const Happy& happy) { return happy.sample.status == 200; });
    for (const HeaderRule& rule : k_headers) {
        if (answered == nullptr) {
            smoke.skip(rule.check, "no happy path answered HTTP 200");
        } else if (rule.check == "headers.compat-window" && !smoke.options.target.compat) {
            smoke.not_applicable(rule.check, "compat was switched off for this target");
        } else {
            judge_header(smoke, rule, judged_by(smoke, rule, *answered));
        }
    }
}

} // namespace oa_stream::probe
