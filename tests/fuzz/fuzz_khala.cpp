// Frames of both Khala wires, and everything that follows one: updates, order, turn events.
#include "worker/events/contract_dialect.hpp"
#include "worker/events/sequencer.hpp"
#include "worker/events/worker_translator.hpp"
#include "worker/khala/khala_frames.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <variant>

using namespace oa_stream;
using namespace oa_stream::authority;

namespace {

void follow(KhalaFrame frame) {
    Sequencer sequence;
    sequence.begin(1);
    std::vector<WorkerEvent> ready;
    for (WorkerEvent& event : frame.events) {
        sequence.push(std::move(event), {}, ready);
    }
    sequence.skip(ready);
    std::uint64_t last = 0;
    WorkerTranslator translator({.thread = "t", .turn = "u", .baseline = turn::Usage{}});
    std::vector<turn::Event> events;
    for (const WorkerEvent& event : ready) {
        if (event.seq != 0 && event.seq <= last) {
            std::abort(); // told twice, or out of order
        }
        last = event.seq == 0 ? last : event.seq;
        if (!event.method.empty()) {
            translator.push(event.method, *event.params(), events);
        }
    }
    std::size_t ends = 0;
    for (const turn::Event& event : events) {
        ends += std::holds_alternative<turn::TurnEnded>(event) ? 1U : 0U;
    }
    if (ends > 1) {
        std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const KhalaFilter k_filter{"runtime.codex_worker_events", "w"};
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    follow(read_rust_frame(bytes, k_filter));
    follow(read_phoenix_frame(bytes, k_filter));
    return 0;
}
