#include "oa_stream/lane/access_log.hpp"

#include <fmt/format.h>

#include <chrono>

namespace oa_stream::lane {

AccessFile::~AccessFile() {
    if (file_ && lost_ > 0) {
        (void)file_->append(lost_line());
    }
}

Result<void> AccessFile::open(const std::filesystem::path& file) {
    OA_TRY(auto opened, LineAppender::open(file, LineAppender::Durability::buffered));
    file_.emplace(std::move(opened));
    return {};
}

Result<void> AccessFile::append(std::string_view line) {
    if (!file_) {
        return fail(Code::io, "no file is open", "append");
    }
    // Both or neither: alone the short one would take the last room of a disk again and again.
    auto written =
        lost_ == 0 ? file_->append(line) : file_->append(fmt::format("{}\n{}", lost_line(), line));
    lost_ = written ? 0 : lost_ + 1;
    return written;
}

std::string AccessFile::lost_line() const {
    return lane::lost_line(lost_, std::chrono::system_clock::now(), format_);
}

} // namespace oa_stream::lane
