#include "oa_stream/run/kept_file.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/lines.hpp"

namespace oa_stream::run {

Result<std::string> read_kept(const std::filesystem::path& path, std::uint64_t limit) {
    std::error_code absent;
    const auto there = std::filesystem::status(path, absent);
    if (std::filesystem::exists(there) && !std::filesystem::is_regular_file(there) &&
        !std::filesystem::is_directory(there)) {
        return fail(
            Code::unreadable,
            "it is not a regular file",
            path.string(),
            "look who put it there, and remove it"
        );
    }
    return read_file(path, limit);
}

Result<Json> kept_json(const std::filesystem::path& path, std::uint64_t limit) {
    OA_TRY(const std::string text, read_kept(path, limit));
    return parse_json(text);
}

Result<std::uint64_t>
each_kept_line(const std::filesystem::path& path, const std::function<bool(const Json&)>& take) {
    OA_TRY(const std::string text, read_kept(path, std::uint64_t{1} << 30U));
    static const Json k_none;
    std::uint64_t unreadable = 0;
    std::string_view rest = text;
    while (!rest.empty()) {
        const auto line = parse_json(cut_line(rest));
        unreadable += take(line && line->is_object() ? *line : k_none) ? 0 : 1;
    }
    return unreadable;
}

} // namespace oa_stream::run
