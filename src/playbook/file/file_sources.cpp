// The list of sources.
#include "oa_stream/base/lists.hpp"

#include "file_keys.hpp"

#include <fmt/format.h>

namespace oa_stream::playbook::file {
namespace {

using namespace config;

std::span<const Key> source_keys() {
    static const auto all = mapped(measure::source_kinds(), &measure::SourceKind::key);
    return all;
}

/// A source whose place is an empty variable is omitted; one without a place is an error.
bool is_there(const Node& item, const measure::SourceKind& kind) {
    const YamlNode* keys = item.yaml().find(kind.name());
    if (kind.place.empty() || keys == nullptr) {
        return true;
    }
    const YamlNode* place = keys->find(kind.place);
    if (place == nullptr) {
        item.refuse(fmt::format("{}.{} is missing", kind.name(), kind.place));
        return false;
    }
    return !(place->kind == YamlKind::scalar && place->text.empty());
}

} // namespace

std::span<const std::string_view> judge_words() {
    static const auto all = [] {
        std::vector<std::string_view> out;
        for (const measure::SourceKind* kind : measure::source_kinds()) {
            if (kind->counted != measure::Counted::stated) {
                out.push_back(kind->name());
            }
        }
        return out;
    }();
    return all;
}

constinit const Section<measure::SettingsPtr> k_source{
    {.name = "source",
     .help = "Where numbers come from: exactly one of the keys.",
     .keys = {},
     .one_of = source_keys}
};
std::vector<measure::SettingsPtr> read_sources(const Node& node) {
    std::vector<measure::SettingsPtr> out;
    for (const Node& item : node.list()) {
        measure::SettingsPtr source;
        read_section(item, k_source, source);
        if (source != nullptr && is_there(item, source->kind())) {
            out.push_back(std::move(source));
        }
    }
    return out;
}

} // namespace oa_stream::playbook::file
