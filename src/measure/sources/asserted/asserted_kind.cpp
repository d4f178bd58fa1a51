#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/source_kind.hpp"

#include <fmt/format.h>

namespace oa_stream::measure {

extern const SourceKind k_asserted;

namespace {

using namespace config;

struct AssertedSettings final : SourceSettings {
    StatedNumbers numbers{};

    [[nodiscard]] const SourceKind& kind() const noexcept override { return k_asserted; }
    [[nodiscard]] Json to_json() const override {
        return {{"enough_to_apply", numbers.enough_to_apply}, {"reason", numbers.reason}};
    }
    [[nodiscard]] std::vector<Error> problems() const override {
        if (numbers.readings.empty() || !numbers.reason.empty()) {
            return {};
        }
        return {{Code::config, "stated numbers need a reason: where were they looked up?", {}, {}}};
    }
    [[nodiscard]] const StatedNumbers* stated() const noexcept override { return &numbers; }
};

/// "canary 3/1200, stable 4/24000": events among requests.
std::optional<EventCounts> read_counts(std::string_view text, std::string_view arm) {
    const std::size_t slash = text.find('/');
    if (!text.starts_with(arm) || slash == std::string_view::npos) {
        return std::nullopt;
    }
    constexpr std::uint64_t k_most = 1000000000000;
    const auto events = parse_count(text.substr(arm.size(), slash - arm.size()), 0, k_most);
    const auto requests = parse_count(text.substr(slash + 1), 1, k_most);
    if (!events || !requests || *events > *requests) {
        return std::nullopt;
    }
    return EventCounts{*events, *requests};
}

template <std::size_t Signal> void reading_into(const Node& node, AssertedSettings& out) {
    const auto text = node.text();
    if (!text || node.yaml().unset) {
        return;
    }
    const std::size_t comma = text->find(", ");
    const std::string_view all = *text;
    const auto canary = read_counts(all.substr(0, comma), "canary ");
    const auto stable =
        comma == std::string::npos ? std::nullopt : read_counts(all.substr(comma + 2), "stable ");
    if (!canary || !stable) {
        node.refuse(
            fmt::format(
                "'{}' is not canary EVENTS/REQUESTS, stable EVENTS/REQUESTS", printable(all, 60)
            ),
            "like canary 3/1200, stable 4/24000"
        );
        return;
    }
    out.numbers.readings[std::string(k_signal_words[Signal])] = {
        .canary = *canary, .stable = *stable
    };
}
void enough_into(const Node& node, AssertedSettings& out) {
    out.numbers.enough_to_apply = node.boolean().value_or(false);
}
void reason_into(const Node& node, AssertedSettings& out) {
    out.numbers.reason = node.text().value_or("");
}

constexpr auto k_keys = keys<AssertedSettings>(
    custom<AssertedSettings, enough_into>(
        Type::boolean,
        "enough_to_apply",
        Need::optional,
        "`true`: a stated value is enough for a live apply. It is shown as such all the "
        "same."
    )
        .or_else("false"),
    custom<AssertedSettings, reason_into>(
        Type::text,
        "reason",
        Need::optional,
        "Where the numbers were looked up; needed with any of them."
    ),
    custom<AssertedSettings, reading_into<0>>(
        Type::phrase,
        "auth_errors",
        Need::optional,
        "Failed verifications of logins, like `canary 3/1200, stable 4/24000`: events/requests."
    ),
    custom<AssertedSettings, reading_into<1>>(
        Type::phrase, "sync_token_errors", Need::optional, "The same of sync tokens not minted."
    ),
    custom<AssertedSettings, reading_into<2>>(
        Type::phrase,
        "audit_errors",
        Need::optional,
        "The same of route decisions whose audit event is missing or cannot be parsed."
    )
);
constinit const Section<AssertedSettings> k_section{
    {"asserted", "A stated value, with a reason.", k_keys}
};

} // namespace

extern constinit const SourceKind k_asserted{
    .key = source_key<AssertedSettings, k_section>("asserted", "Numbers that a person states."),
    .counted = Counted::stated,
    .measures = [](const GateSpec& gate
                ) { return gate.metric == Metric::spike && gate.from.empty(); },
    .blank = blank_source<AssertedSettings>,
};

} // namespace oa_stream::measure
