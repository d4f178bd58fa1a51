// The id map's file, used by its writer thread only.
#pragma once

#include "oa_stream/lane/id_map.hpp"

#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

namespace oa_stream::lane {

/// One string for (owner, id): the separator cannot stand in either.
[[nodiscard]] std::string row_key(std::string_view owner, std::string_view id);

class IdMapFile {
public:
    explicit IdMapFile(std::filesystem::path path) : path_(std::move(path)) {}

    /// Reads what is there; a missing file is an empty map.
    [[nodiscard]] Result<std::vector<ThreadRow>> load();
    /// Under the lock: takes over rows that another process wrote since, adds `fresh` (which wins),
    /// writes the whole. Returns the rows taken over.
    [[nodiscard]] Result<std::vector<ThreadRow>> merge(std::vector<ThreadRow> fresh);

private:
    struct Stamp {
        std::filesystem::file_time_type time{};
        std::uintmax_t size = 0;
        friend bool operator==(const Stamp&, const Stamp&) = default;
    };
    [[nodiscard]] Stamp stamp() const;

    std::filesystem::path path_;
    std::unordered_map<std::string, ThreadRow> rows_;
    Stamp seen_{};
};

} // namespace oa_stream::lane
