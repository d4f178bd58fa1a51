#include "oa_stream/wire/object_scan.hpp"

#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

namespace oa_stream::wire {

std::optional<ScannedJson>
scan_object(std::string_view text, std::string_view not_object, std::vector<ui::ParseNote>& notes) {
    ScannedJson scanned = scan_json(text);
    if (scanned.fault == JsonFault::too_deep) {
        notes.push_back({"W2", fmt::format("JSON is nested deeper than {}", k_json_depth)});
        return std::nullopt;
    }
    if (scanned.fault == JsonFault::malformed) {
        notes.push_back(
            {not_object,
             fmt::format("not JSON (character {}): {}", scanned.fault_at, printable(text, 60))}
        );
        return std::nullopt;
    }
    if (!scanned.value.is_object()) {
        notes.push_back({not_object, fmt::format("JSON, but {}", scanned.value.type_name())});
        return std::nullopt;
    }
    if (scanned.repeated_key) {
        notes.push_back({"J6", fmt::format("key \"{}\" twice", printable(*scanned.repeated_key))});
    }
    if (scanned.forbidden_key) {
        notes.push_back({"J7", fmt::format("key \"{}\"", *scanned.forbidden_key)});
    }
    scanned.lone_surrogate = scanned.lone_surrogate && has_lone_surrogate(scanned.value);
    if (scanned.lone_surrogate) {
        notes.push_back({"J5", "lone surrogate"});
    }
    return scanned;
}

} // namespace oa_stream::wire
