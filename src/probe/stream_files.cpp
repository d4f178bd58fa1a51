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

} // namespace oa_stream::probe
