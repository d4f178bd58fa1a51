// A cursor on one value of a file. Asked for a type, it gives the value or notes a problem.
#pragma once

#include "oa_stream/base/task.hpp"
#include "oa_stream/config/problems.hpp"
#include "oa_stream/config/units.hpp"
#include "oa_stream/config/yaml.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::config {

/// Cheap to copy. The tree and the collector must outlive it. nullopt always means that a problem
/// was noted – or that the value depends on a variable that has none yet (YamlNode::unset).
class Node {
public:
    Node(const YamlNode& node, Problems& problems, std::string path)
        : node_(&node), problems_(&problems), path_(std::move(path)) {}

    /// A plain word that some YAML reader takes for something else (yes, 010, ~, 12) is refused:
    /// quotes make it a text. Never empty.
    [[nodiscard]] std::optional<std::string> text() const;
    [[nodiscard]] std::optional<Millis> duration() const;
    [[nodiscard]] std::optional<double> percent() const; ///< as a share
    [[nodiscard]] std::optional<int> whole_percent() const; ///< 0–100
    [[nodiscard]] std::optional<double> rate() const; ///< per second
    [[nodiscard]] std::optional<bool> boolean() const;
    [[nodiscard]] std::optional<std::uint64_t>
    count(std::uint64_t low = 0, std::uint64_t high = 1'000'000'000) const;
    /// Index into `words`.
    [[nodiscard]] std::optional<std::size_t> one_of(std::span<const std::string_view> words) const;
    /// "a | b": indices into `words`, each once, in the order given.
    [[nodiscard]] std::optional<std::vector<std::size_t>>
    some_of(std::span<const std::string_view> words) const;
    /// The elements of a list; empty with a problem when it is none.
    [[nodiscard]] std::vector<Node> list() const;

    void refuse(const std::string& message, Advice hint = {}) const;

    [[nodiscard]] const YamlNode& yaml() const noexcept { return *node_; }
    [[nodiscard]] Problems& problems() const noexcept { return *problems_; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] std::string_view name() const noexcept; ///< last part of the path
    [[nodiscard]] Position at() const noexcept { return node_->at; }

private:
    /// The scalar's text; notes a problem unless it is one.
    [[nodiscard]] std::optional<std::string_view> scalar(std::string_view expected) const;
    template <class T>
    [[nodiscard]] std::optional<T>
    read(std::string_view expected, Result<T> (*parse)(std::string_view)) const;

    const YamlNode* node_;
    Problems* problems_;
    std::string path_;
};

/// "a, b or c", or with another word before the last.
[[nodiscard]] std::string
alternatives(std::span<const std::string_view> words, std::string_view last = " or ");

} // namespace oa_stream::config
