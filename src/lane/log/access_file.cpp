#include "oa_stream/base/output.hpp"
#include "oa_stream/lane/access_log.hpp"

#include <fmt/format.h>

#include <chrono>

namespace oa_stream::lane {

AccessFile::~AccessFile() {
    if (lost_ > 0) {
        wait_for_stderr_again();
        (void)put(lost_line());
    }
}

Result<void> AccessFile::open(const std::filesystem::path& file) {
    OA_TRY(auto opened, LineAppender::open(file, LineAppender::Durability::buffered));
    file_.emplace(std::move(opened));
    return {};
}

Result<void> AccessFile::append(std::string_view line) {
    // Both lines or neither: a full disk with little room would take the short line again and
    // again.
    auto written = put(lost_ == 0 ? std::string(line) : fmt::format("{}\n{}", lost_line(), line));
    lost_ = written ? 0 : lost_ + 1;
    return written;
}

Result<void> AccessFile::put(const std::string& text) {
    if (file_) {
        return file_->append(text);
    }
    if (!write_diagnostic(text + "\n")) {
        return fail(Code::io, "nobody reads it", "standard error");
    }
    return {};
}

std::string AccessFile::lost_line() const {
    return lane::lost_line(lost_, std::chrono::system_clock::now(), format_);
}

} // namespace oa_stream::lane
