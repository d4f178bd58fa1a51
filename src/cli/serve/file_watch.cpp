#include "file_watch.hpp"

#include <sys/stat.h>

#include <utility>

namespace oa_stream::cli {

FileWatch::FileWatch(std::filesystem::path file)
    : file_(std::move(file)), known_(look()), last_(*known_) {
}

FileWatch::Look FileWatch::look() const {
    struct stat facts{};
    if (::stat(file_.c_str(), &facts) != 0) {
        return {};
    }
    constexpr std::int64_t k_second{1'000'000'000};
    return {facts.st_ino, facts.st_size, facts.st_mtim.tv_sec * k_second + facts.st_mtim.tv_nsec};
}

bool FileWatch::changed() {
    const auto before = std::exchange(last_, look());
    if (last_ == known_ || last_ != before) {
        return false;
    }
    known_ = last_;
    return true;
}

} // namespace oa_stream::cli
