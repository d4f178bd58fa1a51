// Bytes of legal answers, and their parts.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::probe::test {

inline std::string frame(std::string_view json) {
    return fmt::format("data: {}\n\n", json);
}

inline std::string delta(std::string_view text) {
    return frame(fmt::format(R"({{"type":"text-delta","id":"t1","delta":"{}"}})", text));
}

inline const std::string k_start = frame(R"({"type":"start","messageId":"turn-1"})");
inline const std::string k_step = frame(R"({"type":"start-step"})");
inline const std::string k_text_start = frame(R"({"type":"text-start","id":"t1"})");
inline const std::string k_text_end = frame(R"({"type":"text-end","id":"t1"})");
inline const std::string k_step_end = frame(R"({"type":"finish-step"})");
inline const std::string k_finish =
    frame(R"({"type":"finish","messageMetadata":{"status":"completed"}})");
inline const std::string k_done = "data: [DONE]\n\n";

inline const std::string k_opening = k_start + k_step + k_text_start;
inline const std::string k_ending = k_text_end + k_step_end + k_finish + k_done;

/// "pong " in one delta, everything legal.
inline std::string good_body() {
    return k_opening + delta("pong") + k_ending;
}

inline std::string failed_body() {
    return k_start + k_step +
           frame(
               R"({"type":"data-error","data":{"code":"turn_failed","message":"It failed.","retryable":true}})"
           ) +
           frame(R"({"type":"error","errorText":"It failed."})") + k_step_end +
           frame(R"({"type":"finish","messageMetadata":{"status":"failed"}})") + k_done;
}

} // namespace oa_stream::probe::test
