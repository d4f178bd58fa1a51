#include "completions_bad_bodies.hpp"

#include <array>

namespace oa_stream::probe {

namespace {

// clang-format off
constexpr std::array k_unsupported{
    BadBody{"c", "n", "2", "unsupported*", "n"},
    BadBody{"c", "functions", R"([{"name":"f","parameters":{}}])", "unsupported*", "functions"},
    BadBody{"c", "logprobs", "true", "unsupported*", "logprobs"},
    BadBody{"c", "top_logprobs", "2", "unsupported*", "top_logprobs"},
    BadBody{"c", "logit_bias", R"({"50256":-100})", "unsupported*", "logit_bias"},
    BadBody{"c", "audio", R"({"voice":"alloy","format":"wav"})", "unsupported*", "audio"},
    BadBody{"c", "prediction", R"({"type":"content","content":"x"})", "unsupported*", "prediction"},
    BadBody{"c", "web_search_options", R"({"search_context_size":"low"})", "unsupported*", "web_search_options"},
    BadBody{"c", "store", "true", "unsupported*", "store"},
    BadBody{"c", "modalities", R"(["text","audio"])", "unsupported*", "modalities*"},
    BadBody{"c", "function_call", R"({"name":"f"})", "", "function_call*"},
    BadBody{"r", "background", "true", "unsupported*", "background"},
    BadBody{"r", "conversation", R"("conv_1")", "unsupported*", "conversation"},
    BadBody{"r", "truncation", R"("auto")", "unsupported*", "truncation"},
    BadBody{"r", "prompt", R"({"id":"p"})", "unsupported*", "prompt"},
    BadBody{"r", "max_tool_calls", "1", "unsupported*", "max_tool_calls"},
    BadBody{"r", "top_logprobs", "2", "unsupported*", "top_logprobs"},
    BadBody{"r", "messages", "[]", "unknown_parameter", "messages"},
    BadBody{"cr", "tools", R"([{"type":"web_search"}])", "", "tools*"},
};

constexpr std::array k_bad{
    BadBody{"cr", "model", "", "missing_required_parameter", "model"},
    BadBody{"cr", "model", R"("")", "", "model"},
    BadBody{"cr", "model", "5", "invalid_type", "model"},
    BadBody{"c", "messages", "", "missing_required_parameter", "messages"},
    BadBody{"c", "messages", "[]", "", "messages"},
    BadBody{"c", "messages", R"("hi")", "invalid_type", "messages"},
    BadBody{"c", "messages", R"([{"role":"poet","content":"x"}])", "", "messages[0]*"},
    BadBody{"c", "messages", R"([{"role":"user","content":null}])", "", "messages[0]*"},
    BadBody{"c", "messages", R"([{"role":"user","content":5}])", "", "messages[0]*"},
    BadBody{"c", "messages", R"(["x"])", "", "messages[0]*"},
    BadBody{"c", "messages", R"([{"role":"user","content":"x"},{"role":"tool","content":"y"}])", "", "messages[1]*"},
    BadBody{"c", "messages", R"([{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}])", "", "messages[0]*"},
    BadBody{"c", "messages", R"([{"role":"user","content":[{"type":"text","text":"x"},{"type":"input_audio","input_audio":{"data":"AA==","format":"wav"}}]}])", "", "messages[0]*"},
    BadBody{"c", "messages", R"([{"role":"user","content":[{"type":"hologram"}]}])", "", "messages[0]*"},
    BadBody{"c", "stream_options", R"({"include_usage":true})", "", "stream_options*"},
    BadBody{"c", "n", "0", "", "n"},
    BadBody{"c", "n", R"("1")", "", "n"},
    BadBody{"c", "max_tokens", "0", "invalid_value", "max_tokens"},
    BadBody{"c", "max_tokens", "-1", "invalid_value", "max_tokens"},
    BadBody{"c", "max_completion_tokens", "1.5", "", "max_completion_tokens"},
    BadBody{"c", "presence_penalty", "5", "invalid_value", "presence_penalty"},
    BadBody{"c", "frequency_penalty", R"("x")", "", "frequency_penalty"},
    BadBody{"c", "frequency_penalty", "-3", "invalid_value", "frequency_penalty"},
    BadBody{"c", "seed", R"("x")", "", "seed"},
    BadBody{"c", "response_format", R"({"type":"json_schema"})", "", "response_format*"},
    BadBody{"c", "response_format", R"({"type":"yaml"})", "", "response_format*"},
    BadBody{"c", "reasoning_effort", R"("colossal")", "", "reasoning_effort"},
    BadBody{"r", "input", "", "missing_required_parameter", "input"},
    BadBody{"r", "input", "5", "invalid_type", "input"},
    BadBody{"r", "input", R"([{"role":"poet","content":"x"}])", "", "input[0]*"},
    BadBody{"r", "input", R"([{"type":"hologram"}])", "", "input[0]*"},
    BadBody{"r", "input", R"([{"role":"user","content":[{"type":"input_file","file_id":"f"}]}])", "", "input[0]*"},
    BadBody{"r", "input", R"([{"role":"user","content":"x"},{"type":"function_call_output","call_id":"c","output":"y"}])", "", "input[1]*"},
    BadBody{"r", "instructions", "5", "invalid_type", "instructions"},
    BadBody{"r", "previous_response_id", R"("resp_0")", "", "previous_response_id"}, // a model without history looks none up
    BadBody{"r", "max_output_tokens", "0", "invalid_value", "max_output_tokens"},
    BadBody{"r", "reasoning", R"({"effort":"colossal"})", "", "reasoning*"},
    BadBody{"r", "text", R"({"format":{"type":"yaml"}})", "", "text*"},
    BadBody{"r", "store", R"("yes")", "invalid_type", "store"},
    BadBody{"cr", "top_p", "-1", "invalid_value", "top_p"},
    BadBody{"cr", "temperature", R"("hot")", "", "temperature"},
    BadBody{"cr", "stream", "1", "invalid_type", "stream"},
    BadBody{"cr", "stream", R"("yes")", "invalid_type", "stream"},
    BadBody{"cr", "temperature", "7", "invalid_value", "temperature"}, // the last: asked as a stream, too
};
// clang-format on

} // namespace

std::span<const BadBody> unsupported_bodies() noexcept {
    return k_unsupported;
}

std::span<const BadBody> bad_bodies() noexcept {
    return k_bad;
}

} // namespace oa_stream::probe
