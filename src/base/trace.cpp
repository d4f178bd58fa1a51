#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/log.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace oa_stream {

namespace {

struct Tracing {
    TraceLevel level = TraceLevel::off;
    std::function<void(std::string_view)> writer{};
};

Tracing& tracing() {
    static Tracing one;
    return one;
}

} // namespace

void set_trace(TraceLevel level, std::function<void(std::string_view line)> writer) {
    tracing() = {level, std::move(writer)};
}

bool traces(TraceLevel level) noexcept {
    const Tracing& now = tracing();
    return level != TraceLevel::off && level <= now.level && now.writer != nullptr;
}

void trace(TraceLevel level, std::string_view line) {
    if (traces(level)) {
        const std::string at = rfc3339_millis(std::chrono::system_clock::now());
        tracing().writer(fmt::format("{} {}\n", at.substr(at.find('T') + 1), line));
    }
}

} // namespace oa_stream
