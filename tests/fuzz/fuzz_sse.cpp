// Server-sent events: no crash, and the cuts of the bytes never matter.
#include "oa_stream/wire/sse.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace oa_stream::wire;

namespace {

/// Calls `feed` with pieces whose lengths follow from `seed`; 0 gives all at once.
template <class Feed> void in_pieces(std::string_view bytes, unsigned seed, Feed&& feed) {
    while (!bytes.empty()) {
        seed = seed * 1103515245U + 12345U;
        const std::size_t cut = seed == 12345U ? bytes.size() : 1U + (seed >> 16U) % 9U;
        feed(bytes.substr(0, cut));
        bytes.remove_prefix(std::min(cut, bytes.size()));
    }
}

std::string read_events(std::string_view bytes, unsigned seed) {
    std::string said;
    SseReader reader(
        {.event = [&](const SseEvent& event
                  ) { said += fmt::format("e{}@{}:{};", event.index, event.offset, event.data); },
         .note = [&](const SseNote& note
                 ) { said += fmt::format("{}@{};", note.rule, note.offset); },
         .comment = [&](std::uint64_t at) { said += fmt::format("c@{};", at); }},
        {.line = 64, .event = 96}
    );
    in_pieces(bytes, seed, [&](std::string_view piece) { reader.feed(piece); });
    reader.finish();
    return said;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const std::string events = read_events(bytes, 0);
    for (const unsigned seed : {1U, 2U, 3U}) {
        if (read_events(bytes, seed) != events) {
            std::abort();
        }
    }
    return 0;
}
