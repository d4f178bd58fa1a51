// Sentences about samples, and the JSON envelope of errors before the stream.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/net/http_client.hpp"
#include "oa_stream/probe/stream_probe.hpp"

#include <string>
#include <string_view>

namespace oa_stream::probe {

/// error.code of {"message","error":{"code","message"}}; "" when the text is not such an envelope.
[[nodiscard]] std::string envelope_code(std::string_view body);

/// One sentence on how the sample ended. `failure` is the transport's own text, may be empty.
[[nodiscard]] std::string describe(const ProbeSample& sample, std::string_view failure);

/// The sample without bodies, for Check::data and timelines.
[[nodiscard]] Json to_json(const ProbeSample& sample);

} // namespace oa_stream::probe
