#include "replay.hpp"

#include "oa_stream/wire/json_scan.hpp"
#include "oa_stream/wire/sse.hpp"

#include <fmt/format.h>

#include <optional>

namespace oa_stream::contract {

namespace {

/// The chunk in a canonical form, so that spaces and escapes do not matter; nullopt for chunks that
/// are not part of a replay.
std::optional<std::string> normal_form(std::string_view data) {
    if (data == "[DONE]") {
        return std::string(data);
    }
    wire::ScannedJson scanned = wire::scan_json(data);
    if (scanned.fault != wire::JsonFault::none || !scanned.value.is_object()) {
        return std::nullopt;
    }
    const bool transient = bool_member(scanned.value, "transient").value_or(false);
    return transient ? std::nullopt : std::optional(dump_json(scanned.value));
}

/// "start" and its messageId; empty for any other chunk.
std::string start_of(std::string_view chunk) {
    const wire::ScannedJson scanned = wire::scan_json(chunk);
    if (string_member(scanned.value, "type") != "start") {
        return {};
    }
    const Json* id = member(scanned.value, "messageId");
    return "start " + (id == nullptr ? std::string() : dump_json(*id));
}

} // namespace

Replay::Replay(std::string_view recording) {
    wire::SseReader reader({.event = [this](const wire::SseEvent& event) {
        if (auto form = normal_form(event.data)) {
            recorded_.push_back(*std::move(form));
        }
    }});
    reader.feed(recording);
}

void Replay::step(std::string_view data, const Report& report) {
    const auto form = normal_form(data);
    if (!form) {
        return;
    }
    const std::size_t at = next_++;
    if (at == 0) {
        const std::string start = start_of(*form);
        if (start.empty() || recorded_.empty() || start != start_of(recorded_.front())) {
            report("R3", "the first chunk is not the recorded start");
        }
    }
    if (at < recorded_.size() && *form != recorded_[at] && !differs_) {
        differs_ = true;
        report("R4", fmt::format("the replay differs from chunk {} of the recording", at));
    }
}

void Replay::finish(const Report& report) {
    if (next_ == 0) {
        report("R3", "nothing is replayed");
    }
    if (next_ < recorded_.size() && !differs_) {
        report("R4", fmt::format("the replay ends after {} of {} chunks", next_, recorded_.size()));
    }
}

} // namespace oa_stream::contract
