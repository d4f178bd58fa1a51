#include "textfile_option.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/text.hpp"

#include "core/deliver.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {

Result<void> check_textfile(const TextfileOption& option) {
    return option.textfile ? check_place(k_textfile.name, *option.textfile) : Result<void>{};
}

Result<void> write_textfile(const TextfileOption& option, report::RunMetrics metrics) {
    if (!option.textfile) {
        return {};
    }
    constexpr std::uint64_t k_most = 1U << 20U;
    const std::string& file = *option.textfile;
    if (const auto before = read_file(file, k_most)) {
        metrics.passed_before_s = report::last_pass_in(*before, metrics.name, metrics.target);
    }
    auto written = write_file_atomic(file, report::textfile(metrics));
    if (!written) {
        written.error().where = fmt::format("{} {}", k_textfile.name, printable(file));
    }
    return written;
}

} // namespace oa_stream::cli
