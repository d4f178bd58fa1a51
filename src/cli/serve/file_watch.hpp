// Notices that a file was replaced or rewritten, by looking at it now and then.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace oa_stream::cli {

class FileWatch {
public:
    explicit FileWatch(std::filesystem::path file);

    /// True once for each change, as soon as two looks in a row saw the same: a file that is still
    /// being written is not read, and one that is away while it is replaced is not gone.
    [[nodiscard]] bool changed();
    /// What changed could not be read: the next looks count it as a change again. A new owner or
    /// mode, after which it can be read, changes nothing that a look sees.
    void forget() { known_.reset(); }

private:
    struct Look {
        std::uint64_t inode = 0;
        std::int64_t size = -1; ///< -1: there is no such file
        std::int64_t modified_ns = 0;
        friend bool operator==(const Look&, const Look&) = default;
    };
    [[nodiscard]] Look look() const;

    std::filesystem::path file_;
    std::optional<Look> known_; ///< none: the next looks count as a change whatever they see
    Look last_;
};

} // namespace oa_stream::cli
