#include "serve_record.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/config/units.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <cerrno>

namespace oa_stream::cli {

Result<double> read_record_share(std::string_view text) {
    const auto share = config::read_percent(text);
    if (!share || *share <= 0 || *share > 1) {
        return fail(Code::usage, "a share of turns is above 0% and at most 100%", {}, "like 10%");
    }
    return *share;
}

Result<std::uint64_t> read_record_size(std::string_view text) {
    constexpr std::uint64_t k_least = std::uint64_t{1} << 20U;
    OA_TRY(const std::uint64_t bytes, read_size(text));
    if (bytes < k_least) {
        return fail(Code::usage, "recordings need 1m at least", {}, "like 256m");
    }
    return bytes;
}

Result<void> check_record(const ServeOptions& options) {
    const auto& folder = options.authority.codex.record.directory;
    if (folder.empty()) {
        return {};
    }
    if (!options.kind->records) {
        return fail(
            Code::usage,
            "only turns of --authority codex can be recorded",
            std::string(k_record.name),
            "leave it out"
        );
    }
    OA_CHECK(make_dirs(folder));
    if (::access(folder.c_str(), W_OK) != 0) {
        return fail(
            Code::io, fmt::format("cannot record into it: {}", errno_text(errno)), folder.string()
        );
    }
    return {};
}

} // namespace oa_stream::cli
