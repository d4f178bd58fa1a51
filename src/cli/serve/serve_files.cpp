#include "serve_files.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/lane/config.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace oa_stream::cli {

namespace {

constexpr std::uint64_t k_small_file = 4U << 20U;

/// Nothing: there is no such file.
Result<std::optional<std::string>>
read_setting(const std::filesystem::path& file, ReadAt when, std::string_view kept) {
    std::error_code none;
    if (file.empty()) {
        return std::optional<std::string>{};
    }
    if (std::filesystem::exists(file, none)) {
        return read_file(file, k_small_file);
    }
    if (when == ReadAt::start) {
        return std::optional<std::string>{};
    }
    return fail(
        Code::not_found, fmt::format("the file is not there: {} stays", kept), file.string()
    );
}

} // namespace

Result<std::optional<lane::TokenTable>>
read_tokens(const ServeOptions& options, const Context& context) {
    const auto environment = context.env("OA_STREAM_TOKEN");
    if (environment && trim_blanks(*environment).empty()) {
        return fail(
            Code::usage,
            "it holds nothing but white space",
            "OA_STREAM_TOKEN",
            "unset it, or set a token"
        );
    }
    if (environment && environment->find_first_of(" \t\r\n") != std::string::npos) {
        return fail(
            Code::usage,
            "it has white space in it, which no client can send",
            "OA_STREAM_TOKEN",
            "check for a line end behind the token"
        );
    }
    if (options.tokens.empty() && !environment) {
        return std::optional<lane::TokenTable>{};
    }
    lane::TokenTable table;
    if (!options.tokens.empty()) {
        OA_TRY(const auto text, read_file(options.tokens, k_small_file));
        OA_TRY(table, lane::TokenTable::parse(text, options.tokens.string()));
    }
    if (environment) {
        table.add(Secret(*environment), "env");
    }
    return std::optional(std::move(table));
}

Result<void> read_policy(ServeOptions& options) {
    if (options.compat_policy.empty()) {
        return {};
    }
    OA_TRY(const auto text, read_file(options.compat_policy, k_small_file));
    auto window = lane::parse_compat_policy(text, options.compat_policy.string());
    if (!window) {
        Error error = std::move(window).error();
        error.code = Code::config; // also where it is not JSON at all
        return std::unexpected(std::move(error));
    }
    options.lane.window = *std::move(window);
    return {};
}

Result<void> read_lane_file(ServeOptions& options, ReadAt when) {
    const auto kept = fmt::format("the mode `{}`", to_string(options.lane.mode));
    OA_TRY(const auto text, read_setting(options.lane_file, when, kept));
    if (!text) {
        return {};
    }
    auto mode = lane::parse_lane_mode(*text);
    if (!mode) {
        return std::unexpected(std::move(mode).error().prefixed(options.lane_file.string()));
    }
    options.lane.mode = *mode;
    return {};
}

Result<void> read_log_level_file(ServeOptions& options, ReadAt when) {
    const auto kept = fmt::format("the level `{}`", to_string(options.log_level));
    OA_TRY(const auto text, read_setting(options.log_level_file, when, kept));
    if (!text) {
        return {};
    }
    auto level = parse_log_level(*text);
    if (!level) {
        return std::unexpected(std::move(level).error().prefixed(options.log_level_file.string()));
    }
    options.log_level = *level;
    return {};
}

} // namespace oa_stream::cli
