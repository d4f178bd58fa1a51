#include "oa_stream/probe/record.hpp"
#include "oa_stream/probe/smoke.hpp"

#include "describe.hpp"

namespace oa_stream::probe {

namespace {

/// The probe's observations, stored beside the bytes: `oa-stream check` reads them with the stream.
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

std::vector<std::string>
keep_stream(run::RunFolder& folder, const std::string& stem, const ProbeSample& sample) {
    std::vector<std::string> paths;
    for (const auto& [suffix, bytes] : stream_files(sample)) {
        paths.push_back(keep_bytes(folder, stem + suffix, bytes));
    }
    folder.note("stream kept", {{"stream", stem}, {"outcome", to_string(sample.outcome)}});
    return paths;
}

std::string keep_bytes(run::RunFolder& folder, const std::string& name, std::string_view bytes) {
    std::string path = "streams/" + name;
    folder.write(path, bytes);
    return path;
}

} // namespace oa_stream::probe
