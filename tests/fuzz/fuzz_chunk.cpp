// Chunks and whole streams: no crash, the cuts never matter, and what was read can be written and
// read again as the same chunk.
#include "oa_stream/contract/judge.hpp"
#include "oa_stream/wire/completions_chunk.hpp"
#include "oa_stream/wire/ui_chunk.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace oa_stream;
using namespace oa_stream::contract;

namespace {

std::string judged(std::string_view bytes, std::size_t cut, Profile profile) {
    Judge judge(profile);
    while (!bytes.empty()) {
        judge.feed(bytes.substr(0, cut));
        bytes.remove_prefix(std::min(cut, bytes.size()));
    }
    std::string said;
    const Judgement judgement = judge.finish();
    for (const auto* list : {&judgement.violations, &judgement.warnings}) {
        for (const Violation& found : *list) {
            said += std::string(found.rule->id) + '@' + std::to_string(found.offset) + ' ' +
                    found.message + '\n';
        }
    }
    return said;
}

void round_trip(std::string_view data) {
    const wire::ui::Parsed parsed = wire::ui::parse_chunk(data);
    if (!parsed.chunk || !parsed.notes.empty()) {
        return; // what broke a rule need not survive
    }
    std::string once;
    wire::ui::append_frame(once, *parsed.chunk);
    const wire::ui::Parsed again =
        wire::ui::parse_chunk(std::string_view(once).substr(6, once.size() - 8));
    std::string twice;
    if (again.chunk) {
        wire::ui::append_frame(twice, *again.chunk);
    }
    if (!again.notes.empty() || once != twice) {
        std::abort();
    }
}

void completion_round_trip(std::string_view data) {
    const wire::completions::Parsed parsed = wire::completions::parse_event(data);
    if (!parsed.event || !parsed.notes.empty()) {
        return;
    }
    std::string once;
    wire::completions::append_frame(once, *parsed.event);
    const auto again =
        wire::completions::parse_event(std::string_view(once).substr(6, once.size() - 8));
    if (!again.notes.empty() || again.event != parsed.event) {
        std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    round_trip(bytes);
    completion_round_trip(bytes);
    static_cast<void>(wire::completions::parse_answer(bytes));
    for (const Profile profile : all_profiles()) {
        const std::string whole = judged(bytes, size + 1, profile);
        for (const std::size_t cut : {1U, 3U, 8U}) {
            if (judged(bytes, cut, profile) != whole) {
                std::abort();
            }
        }
    }
    static_cast<void>(parse_head(bytes));
    static_cast<void>(parse_messages(bytes));
    return 0;
}
