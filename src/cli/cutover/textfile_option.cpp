#include "textfile_option.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/text.hpp"

#include "core/deliver.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace oa_stream::cli {
namespace {

std::string text_before(const std::string& file) {
    constexpr std::uint64_t k_most = 1U << 20U;
    return read_file(file, k_most).value_or("");
}

} // namespace

Result<void> check_textfile(const TextfileOption& option) {
    if (!option.textfile) {
        return {};
    }
    std::error_code ignored;
    const auto kind = std::filesystem::status(*option.textfile, ignored).type();
    if (kind != std::filesystem::file_type::not_found &&
        kind != std::filesystem::file_type::regular) { // it is read, and replaced as a whole
        return fail(
            Code::usage,
            fmt::format("{} is not a regular file", printable(*option.textfile)),
            std::string(k_textfile.name)
        );
    }
    return check_place(k_textfile.name, *option.textfile);
}

Result<void>
write_textfile(const TextfileOption& option, report::RunMetrics metrics, Context& context) {
    if (!option.textfile) {
        return {};
    }
    const std::string& file = *option.textfile;
    const std::string before = text_before(file);
    metrics.passed_before_s = report::last_pass_in(before, metrics.name, metrics.target);
    auto written = write_file_atomic(file, report::textfile(metrics));
    if (!written) {
        written.error().where = fmt::format("{} {}", k_textfile.name, printable(file));
        return written;
    }
    const auto other = report::metrics_in(before);
    if (other && (other->name != metrics.name || other->target != metrics.target)) {
        context.err(fmt::format(
            "oa-stream: {} {} had the result of {} for {}, which is replaced (give each run a file "
            "of its own)\n",
            k_textfile.name,
            printable(file),
            printable(other->name),
            printable(other->target)
        ));
    }
    return {};
}

std::uint64_t checks_reported(const TextfileOption& option, const report::RunMetrics& metrics) {
    return option.textfile
               ? report::checks_in(text_before(*option.textfile), metrics.name, metrics.target)
               : 0;
}

void write_refusal(const TextfileOption& option, const Error& error, Context& context) {
    auto metrics =
        option.textfile ? report::metrics_in(text_before(*option.textfile)) : std::nullopt;
    if (metrics) {
        metrics->ended = std::chrono::system_clock::now();
        metrics->exit_code = static_cast<int>(exit_code(error.code));
        (void)write_textfile(option, *std::move(metrics), context);
    }
}

} // namespace oa_stream::cli
