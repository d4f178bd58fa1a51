// What an access log may hold: no crash, and where the bytes are cut never matters.
#include "oa_stream/measure/access_log_line.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace oa_stream;
using namespace oa_stream::measure;

namespace {

/// What a line that was taken for a request must hold, whoever wrote it.
void judge(std::string_view text, const AccessLine& line) {
    using telemetry::BadEvent;
    const auto of_turns =
        telemetry::bit_of(BadEvent::terminal_error) | telemetry::bit_of(BadEvent::empty);
    const bool sane = std::isfinite(line.ended_s) && line.status >= 100 && line.status <= 599 &&
                      !((line.bad & of_turns) != 0 && !line.accepted) &&
                      !(line.first_content_s && (!line.accepted || *line.first_content_s < 0));
    if (!sane) {
        std::abort();
    }
    // A line that was cut is never a shorter request: not in JSON, which ends with its brace.
    AccessLine cut;
    if (text.starts_with('{') && text.ends_with('}') &&
        read_access_line(text.substr(0, text.size() - 1), cut) == LineKind::request) {
        std::abort();
    }
    // One with something in front of it is not somebody else's.
    if (text.contains(R"("event":"request")") &&
        read_access_line(" " + std::string(text), cut) != LineKind::damaged) {
        std::abort();
    }
    // Two lines in one are none.
    const std::string twice = std::string(text) + std::string(text);
    if (read_access_line(twice, cut) == LineKind::request) {
        std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    while (!rest.empty()) {
        const std::string_view text = rest.substr(0, rest.find('\n'));
        AccessLine line;
        if (read_access_line(text, line) == LineKind::request) {
            judge(text, line);
        }
        rest.remove_prefix(std::min(rest.size(), text.size() + 1));
    }
    return 0;
}
