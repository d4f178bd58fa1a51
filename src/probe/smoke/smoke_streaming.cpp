// Checks that answers are streamed, and finds where bytes were held back.
#include "oa_stream/base/text.hpp"
#include "oa_stream/probe/prober.hpp"

#include "smoke_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::probe {
namespace {

constexpr std::array<std::string_view, 6> k_hop_headers{
    "via", "server", "content-encoding", "x-cache", "cf-ray", "age"
};

// Headers that identify a hop that buffers or compresses; with an origin, only those that the
// origin does not send.
std::string hop_hints(const net::Headers& headers, const net::Headers* origin = nullptr) {
    std::string hints;
    for (const std::string_view name : k_hop_headers) {
        const auto value = headers.get(name);
        if (value && (origin == nullptr || origin->get(name) != value)) {
            hints += fmt::format("; {}: {}", name, printable(*value, 80));
        }
    }
    return hints;
}

const ProbeSample* find_pacing(const Smoke& smoke, Pacing pacing) {
    const Happy* found = smoke.first([pacing](const Happy& happy) {
        return happy.sample.done && happy.sample.pacing == pacing;
    });
    return found == nullptr ? nullptr : &found->sample;
}

/// A single answer may be undecided, and one answer of a model may be late and then fast, but a hop
/// that holds streams holds every one. A much shorter answer does not count.
const ProbeSample* held_beside(const Smoke& smoke, const ProbeSample& origin) {
    const bool each = std::ranges::all_of(smoke.happy, [&origin](const Happy& happy) {
        const ProbeSample& sample = happy.sample;
        return sample.done && sample.pacing != Pacing::streamed &&
               sample.content_frames >= origin.content_frames / 2 &&
               comes_at_once(sample.arrivals, origin.arrivals);
    });
    return each && smoke.happy.size() > 1 ? &smoke.happy.front().sample : nullptr;
}

void incremental(Smoke& smoke) {
    if (smoke.unpaced) {
        smoke.not_applicable("streaming.incremental", "this replay does not pace its answers");
    } else if (const ProbeSample* sample = find_pacing(smoke, Pacing::buffered)) {
        smoke.report(
            "streaming.incremental",
            Verdict::fail,
            "buffered: " + sample->pacing_why + hop_hints(sample->headers)
        );
    } else if (const ProbeSample* flowed = find_pacing(smoke, Pacing::streamed)) {
        smoke.report("streaming.incremental", Verdict::pass, flowed->pacing_why);
    } else if (const ProbeSample* quick = find_pacing(smoke, Pacing::undecided)) {
        smoke.not_applicable("streaming.incremental", "not decidable: " + quick->pacing_why);
    } else {
        smoke.skip("streaming.incremental", "no happy path ran to its end");
    }
}

} // namespace

Task<void> smoke_streaming(SmokePtr smoke) {
    incremental(*smoke);
    const auto direct = smoke->options.direct;
    if (!direct) {
        smoke->not_applicable("streaming.origin", "no origin was named");
        co_return;
    }
    const std::string thread = smoke->thread();
    ProbeRequest request = probe_request(thread, smoke->ask().prompt);
    request.paced_over = smoke->ask().paced_over;
    request.accept_encoding = "gzip, deflate, br";
    const Target edge = std::exchange(smoke->options.target, *direct);
    const ProbeSample origin =
        co_await smoke->probe("streaming.origin", thread, std::move(request));
    smoke->options.target = edge;
    const ProbeSample* held = smoke->unpaced ? nullptr : find_pacing(*smoke, Pacing::buffered);
    if (held == nullptr && origin.pacing == Pacing::streamed) {
        held = held_beside(*smoke, origin);
    }
    const Happy* encoded = smoke->first([](const Happy& happy) {
        return happy.sample.headers.has("content-encoding");
    });
    if (!is_whole(origin.outcome)) {
        smoke->report(
            "streaming.origin", Verdict::error, "the origin did not answer well: " + origin.detail
        );
        co_return;
    }
    const auto how = fmt::format("{}: {}", to_string(origin.pacing), origin.pacing_why);
    std::string wrong;
    if (held != nullptr && origin.pacing == Pacing::streamed) {
        wrong = "buffered between origin and target: the origin streams" +
                hop_hints(held->headers, &origin.headers);
    } else if (encoded != nullptr && !origin.headers.has("content-encoding")) {
        wrong = "encoded between origin and target: the origin sends it plain" +
                hop_hints(encoded->sample.headers, &origin.headers);
    } else if (held != nullptr) {
        wrong = "the origin itself is " + how;
    }
    smoke->judge("streaming.origin", wrong, "the origin is " + how);
}

} // namespace oa_stream::probe
