// Notices that a file was replaced or rewritten, by checking it periodically.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace oa_stream::cli {

class FileWatch {
public:
    explicit FileWatch(std::filesystem::path file);

    /// True once per change, as soon as two consecutive checks see the same state: a file that is
    /// still being written is not read, and one that is briefly absent while it is replaced does
    /// not count as removed.
    [[nodiscard]] bool changed();
    /// The changed file could not be read: the next checks report a change again. A new owner or
    /// mode may make it readable without a visible change.
    void forget() { known_.reset(); }

private:
    struct Look {
        std::uint64_t inode = 0;
        std::int64_t size = -1; ///< -1: the file does not exist
        std::int64_t modified_ns = 0;
        friend bool operator==(const Look&, const Look&) = default;
    };
    [[nodiscard]] Look look() const;

    std::filesystem::path file_;
    std::optional<Look> known_; ///< unset: the next checks report a change whatever they see
    Look last_;
};

} // namespace oa_stream::cli
