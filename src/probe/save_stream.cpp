#include "oa_stream/base/file.hpp"
#include "oa_stream/base/redact.hpp"
#include "oa_stream/probe/smoke.hpp"

namespace oa_stream::probe {

std::vector<std::pair<std::string, std::string>> stream_files(const ProbeSample& sample) {
    const bool stream = sample.status == 200;
    return {
        {stream ? ".sse" : ".body", stream ? sample.raw_body : sample.body_start},
        {".head", sample.raw_head},
        {".timing.ndjson", sample.timing_ndjson},
    };
}

// Redaction keeps lengths, so the stored bytes re-judge to the same verdict.
Result<std::vector<std::string>> save_stream(
    const std::filesystem::path& folder, const std::string& stem, const ProbeSample& sample
) {
    const Redactor redactor;
    OA_CHECK(make_dirs(folder));
    std::vector<std::string> names;
    for (const auto& [suffix, bytes] : stream_files(sample)) {
        names.push_back(stem + suffix);
        OA_CHECK(write_file_atomic(folder / names.back(), redactor.apply(bytes)));
    }
    return names;
}

} // namespace oa_stream::probe
