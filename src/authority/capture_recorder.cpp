#include "capture_recorder.hpp"

#include "oa_stream/base/clock.hpp"

#include <fmt/format.h>

#include <chrono>

namespace oa_stream::authority {

std::string CaptureScrub::apply(std::string line) const {
    for (const auto& [what, instead] : folders) {
        for (std::size_t at = line.find(what); at != std::string::npos;
             at = line.find(what, at + instead.size())) {
            line.replace(at, what.size(), instead);
        }
    }
    return redactor.apply(line);
}

Result<std::unique_ptr<CaptureRecorder>> CaptureRecorder::begin(
    const std::filesystem::path& directory, const std::string& turn, CaptureScrub scrub
) {
    OA_CHECK(make_dirs(directory));
    const std::string name =
        fmt::format("{}-{}.jsonl", compact_utc(std::chrono::system_clock::now()), turn);
    OA_TRY(
        LineAppender file, LineAppender::open(directory / name, LineAppender::Durability::buffered)
    );
    return std::unique_ptr<CaptureRecorder>(new CaptureRecorder(std::move(file), std::move(scrub)));
}

void CaptureRecorder::write(std::string_view dir, const Json& message) {
    if (!file_) {
        return;
    }
    const auto since = std::chrono::duration_cast<Millis>(Clock::now() - began_).count();
    Json line = Json::object({{"t", since}, {"dir", dir}, {"msg", message}});
    if (!file_->append(scrub_.apply(dump_json(line)))) {
        file_.reset();
    }
}

} // namespace oa_stream::authority
