// From the observations through each hop, finds the first guilty hop and its limit.
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/contract/judge.hpp"
#include "oa_stream/net/oa_headers.hpp"
#include "oa_stream/probe/hops.hpp"

#include "hops_reads.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <optional>
#include <ranges>
#include <utility>

namespace oa_stream::probe {
namespace {

// A heartbeat that a hop forwards arrives about as often as through the hop behind it.
constexpr double k_late = 1.5;

/// Names that differ with every answer, or that belong to the connection.
constexpr std::array<std::string_view, 9> k_own{
    "date",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "content-length",
    "server",
    "via",
    "content-encoding",
    "vary"
};
/// Sent by the lane for a proxy, which may remove it.
constexpr std::string_view k_for_proxies = "x-accel-buffering";

const HopSeen* guilty(const std::vector<HopSeen>& seen, auto bad) {
    for (const HopSeen& hop : seen | std::views::reverse) {
        if (bad(hop)) {
            return &hop;
        }
    }
    return nullptr;
}

/// The same for a trial, with its observation; a hop without the trial is not guilty.
template <typename Trial>
std::pair<const HopSeen*, const Trial*>
guilty(const std::vector<HopSeen>& seen, std::optional<Trial> HopSeen::* trial, auto bad) {
    for (const HopSeen& hop : seen | std::views::reverse) {
        if (const std::optional<Trial>& tried = hop.*trial; tried && bad(*tried)) {
            return {&hop, &*tried};
        }
    }
    return {};
}

/// "; the origin does not", of the hop behind the guilty one.
std::string behind(const std::vector<HopSeen>& seen, const HopSeen& hop) {
    const auto next = static_cast<std::size_t>(&hop - seen.data()) + 1;
    return next < seen.size() ? fmt::format("; past it, at {}, it is not so", seen[next].name)
                              : "; nothing is behind it: the lane itself does";
}

constexpr std::string_view k_unplayed =
    "only a lane with recorded turns can be asked for this: put `serve --authority replay` behind "
    "the same hops";

Finding skipped(std::string_view why) {
    return {.verdict = Verdict::skipped, .detail = std::string(why)};
}

Finding silence(const std::vector<HopSeen>& seen, double longest) {
    const auto& innermost = seen.back().silent;
    if (!innermost) {
        return skipped(k_unplayed);
    }
    const auto cut = [](const ProbeSample& silent) { return !is_whole(silent.outcome); };
    if (const auto [hop, silent] = guilty(seen, &HopSeen::silent, cut); hop != nullptr) {
        const double limit = silent->silence_s;
        return {
            Verdict::fail,
            fmt::format(
                "{} cuts a stream after {:.1f}s of silence ({}){}",
                hop->name,
                limit,
                to_string(silent->outcome),
                behind(seen, *hop)
            ),
            hop->name,
            limit
        };
    }
    const double inside = reads_of(*innermost).longest_s;
    const bool beats = inside < longest * 0.9;
    double most = k_late * inside + k_held_s;
    if (beats) { // if the turn is not silent for long enough, that time must decide
        most = std::min(most, (inside + longest) / 2);
    }
    const auto late = [&](const ProbeSample& silent) { return reads_of(silent).longest_s > most; };
    if (const auto [hop, silent] = guilty(seen, &HopSeen::silent, late); hop != nullptr) {
        const double limit = reads_of(*silent).longest_s;
        return {
            Verdict::fail,
            fmt::format(
                "{} holds the lane's heartbeat back: {:.1f}s of silence on the wire, {:.1f}s at "
                "{}",
                hop->name,
                limit,
                inside,
                seen.back().name
            ),
            hop->name,
            limit
        };
    }
    return {
        .detail = fmt::format(
            "a turn that is silent for {:.0f}s is whole at {}; {}",
            longest,
            seen.front().name,
            beats ? fmt::format("the heartbeat every {:.1f}s is passed on", inside)
                  : std::string("no heartbeat came in that time")
        )
    };
}

Finding whole_answers(const std::vector<HopSeen>& seen, double longest) {
    const auto& innermost = seen.back().whole;
    if (!innermost) {
        return skipped(k_unplayed);
    }
    if (innermost->status == 404) {
        return skipped("there is no /v1/chat/completions");
    }
    const auto cut = [](const WholeAnswer& whole) { return whole.status != 200; };
    if (const auto [hop, whole] = guilty(seen, &HopSeen::whole, cut); hop != nullptr) {
        return {
            Verdict::fail,
            fmt::format(
                "{} gives up after {:.1f}s on an answer that is not streamed ({}){}",
                hop->name,
                whole->end_s,
                whole->why,
                behind(seen, *hop)
            ),
            hop->name,
            whole->end_s
        };
    }
    return {
        .detail = fmt::format(
            "an answer that is silent for {:.0f}s and comes whole reaches {}",
            longest,
            seen.front().name
        )
    };
}

Finding duration(const std::vector<HopSeen>& seen, double longest) {
    if (!seen.back().steady) {
        return skipped(k_unplayed);
    }
    const auto cut = [](const ProbeSample& steady) { return !is_whole(steady.outcome); };
    if (const auto [hop, steady] = guilty(seen, &HopSeen::steady, cut); hop != nullptr) {
        const double limit = steady->clocks.end.value_or(0);
        return {
            Verdict::fail,
            fmt::format(
                "{} ends an answer after {:.1f}s though words keep coming ({}){}",
                hop->name,
                limit,
                to_string(steady->outcome),
                behind(seen, *hop)
            ),
            hop->name,
            limit
        };
    }
    return {
        .detail =
            fmt::format("an answer that lasts {:.0f}s is whole at {}", longest, seen.front().name)
    };
}

/// How many seconds content arrives later through `outer` than through `inner`.
double held_s(const ProbeSample& outer, const ProbeSample& inner) {
    const double first =
        outer.clocks.first_content.value_or(0) - inner.clocks.first_content.value_or(0);
    return std::max(first, outer.max_gap_s - inner.max_gap_s);
}

Finding buffering(const std::vector<HopSeen>& seen) {
    const auto paced = [](const HopSeen& hop) -> const ProbeSample& {
        return hop.steady ? *hop.steady : hop.plain;
    };
    const ProbeSample& inside = paced(seen.back());
    const auto held = [&](const HopSeen& hop) {
        return paced(hop).pacing == Pacing::buffered || held_s(paced(hop), inside) >= k_held_s;
    };
    if (const HopSeen* hop = guilty(seen, held)) {
        const double seconds = std::max(0.0, held_s(paced(*hop), inside));
        const Reads reads = reads_of(paced(*hop));
        return {
            Verdict::fail,
            fmt::format(
                "{} holds content back for up to {:.1f}s, in pieces of up to {} bytes{}",
                hop->name,
                seconds,
                reads.largest,
                behind(seen, *hop)
            ),
            hop->name,
            seconds
        };
    }
    return {.detail = fmt::format("content reaches {} as it is made", seen.front().name)};
}

Finding compression(const std::vector<HopSeen>& seen) {
    const auto encoded = [](const HopSeen& hop) {
        return hop.plain.headers.has("content-encoding");
    };
    if (const HopSeen* hop = guilty(seen, encoded)) {
        return {
            Verdict::fail,
            fmt::format(
                "{} compresses streams ({}){}",
                hop->name,
                printable(hop->plain.headers.get("content-encoding").value_or(""), 40),
                behind(seen, *hop)
            ),
            hop->name
        };
    }
    return {.detail = "no hop compresses a stream for a client that would accept it"};
}

/// Headers that a proxy or a platform sets for each answer: only their presence can be compared. A
/// model gives a single answer, which cannot show that they vary.
constexpr std::array<std::string_view, 10> k_per_answer{
    "etag",
    net::k_revision_header,
    "set-cookie",
    "age",
    "server-timing",
    "traceparent",
    "cf-ray",
    "x-cloud-trace-context",
    "x-envoy-upstream-service-time",
    "x-timer"
};
bool per_answer(std::string_view name) {
    return name.ends_with("-id") || contains(k_per_answer, name);
}

using HeaderValue = std::optional<std::string>;
HeaderValue value_in(const ProbeSample& sample, std::string_view name) {
    return contract::header({.headers = sample.headers.all()}, name);
}

/// The header's values in the other answers through the same hop.
std::vector<HeaderValue> other_values(const HopSeen& hop, std::string_view name) {
    std::vector<HeaderValue> out;
    for (const auto* other : {&hop.steady, &hop.silent}) {
        if (*other && (*other)->status == hop.plain.status) {
            out.push_back(value_in(**other, name));
        }
    }
    return out;
}

std::vector<std::string> lost_headers(const HopSeen& outer, const HopSeen& inner) {
    std::vector<std::string> out;
    for (const auto& [given, first] : inner.plain.headers.all()) {
        const std::string name = to_lower(given);
        if (contains(k_own, name) || name == k_for_proxies) {
            continue;
        }
        const HeaderValue sent = value_in(inner.plain, name);
        const HeaderValue arrived = value_in(outer.plain, name);
        const auto others = other_values(inner, name);
        const bool always = std::ranges::all_of(others, &HeaderValue::has_value);
        const bool same =
            !per_answer(name) && std::ranges::count(others, sent) == std::ssize(others);
        if (arrived ? same && arrived != sent : always) {
            add_once(out, printable(name + (arrived ? " (changed)" : " (gone)"), 60));
        }
    }
    return out;
}

Finding headers(const std::vector<HopSeen>& seen) {
    for (std::size_t i = seen.size() - 1; i-- > 0;) {
        const auto lost = lost_headers(seen[i], seen[i + 1]);
        if (lost.empty()) {
            continue;
        }
        return {
            Verdict::fail,
            fmt::format(
                "{} changes headers of {}: {}",
                seen[i].name,
                seen[i + 1].name,
                fmt::join(lost, ", ")
            ),
            seen[i].name
        };
    }
    return {.detail = fmt::format("the lane's headers reach {}", seen.front().name)};
}

/// The longest idle time after which the connection still worked, and the shortest after which it
/// did not.
Finding keep_alive(const std::vector<HopSeen>& seen) {
    std::string all;
    for (const HopSeen& hop : seen) {
        double kept = 0;
        double cut = 0;
        for (const IdleConnection& one : hop.idle) {
            kept = one.kept ? std::max(kept, one.idle_s) : kept;
            cut = one.kept || (cut > 0 && cut < one.idle_s) ? cut : one.idle_s;
        }
        all += fmt::format(
            "{}{} {}",
            all.empty() ? "" : "; ",
            hop.name,
            cut > 0
                ? fmt::format("closes a connection that is idle for {:.1f} to {:.1f}s", kept, cut)
                : fmt::format("keeps an idle connection for {:.1f}s at least", kept)
        );
    }
    return {.detail = all};
}

} // namespace

Check check_of(const Finding& found, std::string id) {
    Check out = make_check(std::move(id), found.verdict, found.detail);
    out.required = found.verdict != Verdict::skipped;
    if (!found.hop.empty()) {
        out.data = {{"hop", found.hop}, {"limit_s", or_null(found.limit_s)}};
    }
    return out;
}

std::vector<Check>
judge_hops(std::vector<HopSeen> seen, Millis longest, const std::string& prefix) {
    const double most = seconds(longest);
    std::vector<Check> out;
    const auto add = [&](std::string_view id, const Finding& found) {
        out.push_back(check_of(found, fmt::format("{}.hops.{}", prefix, id)));
    };
    const bool compared = is_whole(seen.back().plain.outcome);
    std::string away;
    for (const HopSeen& hop : seen) {
        if (gives_no_stream(hop) || (!compared && &hop == &seen.back())) {
            away += (away.empty() ? "" : "; ") + no_answer_of(hop);
        }
    }
    if (!away.empty()) {
        add("reach", {.verdict = Verdict::error, .detail = away});
    }
    if (!compared) {
        return out;
    }
    std::erase_if(seen, gives_no_stream);
    add("silence", silence(seen, most));
    add("whole-answer", whole_answers(seen, most));
    add("duration", duration(seen, most));
    add("buffering", buffering(seen));
    add("compression", compression(seen));
    add("headers", headers(seen));
    add("keep-alive", keep_alive(seen));
    return out;
}

} // namespace oa_stream::probe
