// YAML and playbooks: whatever the bytes, an answer in one line or a tree that stays in bounds.
#include "oa_stream/config/yaml.hpp"
#include "oa_stream/playbook/file.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace oa_stream;

namespace {

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

/// Counts the nodes and looks at positions and depth.
std::size_t walk(const config::YamlNode& node, int depth) {
    require(depth <= config::YamlLimits{}.depth);
    require(node.at.line >= 1 && node.at.column >= 1);
    std::size_t nodes = 1;
    for (const config::YamlNode& item : node.items) {
        nodes += walk(item, depth + 1);
    }
    for (const config::YamlEntry& entry : node.entries) {
        require(!entry.key.empty());
        nodes += walk(entry.value, depth + 1);
    }
    return nodes;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto root = config::parse_yaml(text, "f.yaml");
    if (root) {
        require(walk(*root, 0) <= size + 1); // nothing expands
    } else {
        require(!root.error().text().contains('\n'));
    }
    const auto loaded =
        playbook::load_playbook(text, "f.yaml", {{"bake", "10m"}}, playbook::Unset::keep);
    require(loaded.problems.empty() == loaded.playbook.has_value());
    require(loaded.problems.size() <= config::Problems::k_most);
    for (const config::Problem& problem : loaded.problems) {
        require(!problem.text().contains('\n'));
    }
    if (loaded.playbook) {
        require(!playbook::explain(*loaded.playbook).empty());
        require(!playbook::to_json(*loaded.playbook).empty());
    }
    return 0;
}
