// What is wrong with one file: several problems at once, each on one line.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/config/yaml.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::config {

struct Problem {
    std::string file;
    Position at;
    std::string path{};    ///< "stage.gates[1].at_most"; empty: the file as a whole
    std::string message{}; ///< what is wrong and what was expected
    Advice hint{};         ///< what to write instead; may be empty

    [[nodiscard]] Error error() const;      ///< Code::config, where = file:line:column
    [[nodiscard]] std::string text() const; ///< error().text(): one line
};

/// Collects in the order of discovery. Not copyable: readers keep a reference to it.
class Problems {
public:
    static constexpr std::size_t k_most = 10; ///< more than that nobody reads

    explicit Problems(std::string file) : file_(std::move(file)) {}
    Problems(const Problems&) = delete;
    Problems& operator=(const Problems&) = delete;
    ~Problems() = default;

    void add(Position at, std::string path, std::string message, Advice hint = {});
    [[nodiscard]] bool empty() const noexcept { return all_.empty(); }
    [[nodiscard]] const std::vector<Problem>& all() const noexcept { return all_; }
    [[nodiscard]] std::size_t dropped() const noexcept { return dropped_; } ///< beyond k_most
    [[nodiscard]] const std::string& file() const noexcept { return file_; }
    /// The first one in the file, as an error; nothing when there is none.
    [[nodiscard]] Result<void> result() const;
    /// Ordered by position.
    void sort();

private:
    std::string file_;
    std::vector<Problem> all_;
    std::size_t dropped_ = 0;
};

/// parse_yaml() that notes its one problem, with its position.
[[nodiscard]] std::optional<YamlNode>
parse_yaml(std::string_view text, Problems& problems, const YamlLimits& limits = {});

} // namespace oa_stream::config
