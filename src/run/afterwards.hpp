// Files of a sealed folder that no seal covers.
#pragma once

#include "oa_stream/base/lists.hpp"
#include "oa_stream/run/files.hpp"

#include <array>
#include <string_view>

namespace oa_stream::run {

/// What commands write into a folder after it was sealed, and once more after it was sealed again.
[[nodiscard]] inline bool is_written_afterwards(std::string_view file) {
    constexpr std::array<std::string_view, 4> k_files{
        k_sums_file, k_notes_file, k_pin_file, k_finished_file
    };
    return contains(k_files, file);
}

} // namespace oa_stream::run
