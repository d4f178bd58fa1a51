#include "recording.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/lines.hpp"

namespace oa_stream::churn {

namespace {

constexpr std::size_t k_largest = 64U << 20U;

/// The text that one line of the capture adds to the answer of `thread`, which the first
/// turn/started sets.
void read_line(std::string_view line, std::string& thread, std::string& text) {
    const auto parsed = parse_json(line);
    const Json* message = parsed ? member(*parsed, "msg") : nullptr;
    const Json* params = message != nullptr ? member(*message, "params") : nullptr;
    if (params == nullptr || string_member(*parsed, "dir") != "s2c") {
        return;
    }
    const auto method = string_member(*message, "method");
    const auto here = string_member(*params, "threadId").value_or("");
    if (thread.empty() && method == "turn/started") {
        thread = here;
    }
    if (method == "item/agentMessage/delta" && here == thread) {
        text += string_member(*params, "delta").value_or("");
    }
}

} // namespace

Result<Recording> read_recording(const std::string& folder, const std::string& name) {
    OA_TRY(const auto bytes, read_file(folder + "/" + name + ".jsonl", k_largest));
    Recording recording{name, {}};
    std::string thread;
    for (std::string_view rest = bytes; !rest.empty();) {
        read_line(cut_line(rest), thread, recording.text);
    }
    if (thread.empty()) {
        return fail(Code::unreadable, "this capture has no turn", name);
    }
    return recording;
}

} // namespace oa_stream::churn
