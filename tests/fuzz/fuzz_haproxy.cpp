// Answers of HAProxy's runtime API: no crash, one line of error, and only weights that can be.
#include "haproxy/haproxy_answers.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace oa_stream::traffic;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto seen = parse_snapshot(text, "chat");
    if (seen) {
        for (const HaproxyFacts& server : seen->servers) {
            if (server.weight > 256 || server.effective() > server.weight) {
                std::abort();
            }
        }
    } else if (seen.error().message.find('\n') != std::string::npos) {
        std::abort();
    }
    const auto written = parse_written(text, "chat");
    if (written && written->complaint.find('\n') != std::string::npos) {
        std::abort();
    }
    return 0;
}
