// A mapping, read key by key. What nobody asked for is an unknown key.
#pragma once

#include "oa_stream/config/node.hpp"

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace oa_stream::config {

/// Problems go to the node's collector: read everything, call finish(), then look there.
class SectionReader {
public:
    /// Notes a problem unless `node` is a mapping; then every key is absent, and nothing is missed.
    explicit SectionReader(const Node& node);

    [[nodiscard]] bool valid() const noexcept { return valid_; }
    [[nodiscard]] const Node& node() const noexcept { return node_; }
    /// Nothing when the key is absent.
    [[nodiscard]] std::optional<Node> find(std::string_view key);
    /// The same, but an absent key is a problem; `expected` says what should stand there.
    [[nodiscard]] std::optional<Node> require(std::string_view key, std::string_view expected);

    /// Every key that was not asked for is a problem, with the nearest of those that were.
    void finish();

private:
    Node node_;
    bool valid_;
    std::set<std::string, std::less<>> asked_;
};

/// Which of `known` an unknown key of `map` was meant to be: the nearest that is not there yet,
/// else the nearest of all.
[[nodiscard]] std::optional<std::string_view>
meant_key(const YamlNode& map, std::string_view key, std::span<const std::string_view> known);

} // namespace oa_stream::config
