#include "oa_stream/base/file.hpp"
#include "oa_stream/base/redact.hpp"
#include "oa_stream/probe/smoke.hpp"

namespace oa_stream::probe {

// Redaction keeps lengths, so the stored bytes re-judge to the same verdict.
Result<std::vector<std::string>> save_stream(
    const std::filesystem::path& folder, const std::string& stem, const ProbeSample& sample
) {
    const Redactor redactor;
    OA_CHECK(make_dirs(folder));
    std::vector<std::string> names;
    const auto save = [&](std::string_view suffix, std::string_view bytes) -> Result<void> {
        std::string name = stem + std::string(suffix);
        OA_CHECK(write_file_atomic(folder / name, bytes));
        names.push_back(std::move(name));
        return {};
    };
    const bool stream = sample.status == 200;
    OA_CHECK(save(
        stream ? ".sse" : ".body", redactor.apply(stream ? sample.raw_body : sample.body_start)
    ));
    OA_CHECK(save(".head", redactor.apply(sample.raw_head)));
    OA_CHECK(save(".timing.ndjson", sample.timing_ndjson));
    return names;
}

} // namespace oa_stream::probe
