// What is in a run's folder: one walk for its seal, its size, its redaction and its bundle.
#pragma once

#include "oa_stream/base/error.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace oa_stream::run {

/// Names are relative to the folder that was walked, and sorted by bytes. No link is followed.
struct Entries {
    std::vector<std::string> files{}; ///< regular ones
    std::vector<std::string> drafts{}; ///< regular ones that are being written just now
    std::vector<std::string> others{}; ///< links, pipes, sockets, devices
    /// Folders that cannot be listed ("." is the whole), and what cannot be looked at.
    std::vector<std::string> unreadable{};
    std::uint64_t bytes = 0; ///< of files and drafts
};

/// Everything below; nothing of a folder that is not there.
[[nodiscard]] Entries entries_below(const std::filesystem::path& folder);
/// `files` of them, for who needs each one. Code::unreadable.
[[nodiscard]] Result<std::vector<std::string>> files_below(const std::filesystem::path& folder);

} // namespace oa_stream::run
