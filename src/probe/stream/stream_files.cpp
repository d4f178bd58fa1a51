#include "oa_stream/probe/smoke.hpp"

#include "describe.hpp"

namespace oa_stream::probe {

namespace {

/// What the probe saw beside the bytes: `oa-stream check` reads it with the stream.
std::string seen(const ProbeSample& sample) {
    Json out{{"schema", "oa-stream.stream.v1"}};
    out["detail"] = describe(sample, {});
    out.update(to_json(sample));
    return dump_json(out) + "\n";
}

} // namespace

std::vector<std::pair<std::string, std::string>> stream_files(const ProbeSample& sample) {
    const bool stream = sample.status == 200;
    return {
        {stream ? ".sse" : ".body", stream ? sample.raw_body : sample.body_start},
        {".head", sample.raw_head},
        {".timing.ndjson", sample.timing_ndjson},
        {".probe.json", seen(sample)},
    };
}

} // namespace oa_stream::probe
