#include "serve_files.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/log.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/lane/config.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace oa_stream::cli {

namespace {

constexpr std::uint64_t k_small_file = 4U << 20U;

/// Reads the word in `file` into `value`.
template <class T>
Result<void> read_word_file(
    const std::filesystem::path& file,
    ReadAt when,
    std::string_view what,
    T& value,
    Result<T> (*parse)(std::string_view)
) {
    if (file.empty()) {
        return {};
    }
    OA_TRY(const bool there, look_for(file));
    if (!there && when == ReadAt::start) {
        process_log().note(
            LogLevel::warn,
            what,
            fmt::format("{} is not there: it is `{}`", file.string(), to_string(value))
        );
        return {};
    }
    if (!there) {
        return fail(
            Code::not_found,
            fmt::format("the file is not there: the {} `{}` stays", what, to_string(value)),
            file.string()
        );
    }
    OA_TRY(const auto text, read_file(file, k_small_file));
    const auto word = parse(text);
    if (!word) {
        return std::unexpected(Error(word.error()).prefixed(file.string()));
    }
    value = *word;
    return {};
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
        error.code = Code::config; // also when it is not JSON at all
        return std::unexpected(std::move(error));
    }
    options.lane.window = *std::move(window);
    return {};
}

Result<void> read_lane_file(ServeOptions& options, ReadAt when) {
    return read_word_file(
        options.lane_file, when, "mode", options.lane.mode, lane::parse_lane_mode
    );
}

Result<void> read_log_level_file(ServeOptions& options, ReadAt when) {
    return read_word_file(
        options.log_level_file, when, "level", options.log_level, parse_log_level
    );
}

} // namespace oa_stream::cli
