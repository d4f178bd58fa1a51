// The error value every room returns, and the two macros that pass it on.
//
// Errors are values across rooms; exceptions of libraries stop in the file that calls the library.
#pragma once

#include "oa_stream/base/shell.hpp"

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace oa_stream {

/// What kind of thing went wrong. Two exhaustive tables hang on it: exit code (base/verdict.hpp)
/// and, in the lane, HTTP status.
enum class Code {
    usage,        ///< the caller asked for something that makes no sense (exit 2)
    config,       ///< a file or setting is wrong (exit 2)
    unreadable,   ///< an input file cannot be read, or is too large (exit 2)
    network,      ///< refused, reset, DNS, TLS (exit 4)
    timeout,      ///< a deadline passed (exit 4)
    protocol,     ///< the peer spoke nonsense (exit 4)
    unavailable,  ///< the peer or a tool is not there (exit 4)
    not_found,    ///< the named thing does not exist (exit 4)
    too_large,    ///< a limit of ours was exceeded (exit 4)
    credentials,  ///< missing or refused (exit 5)
    precondition, ///< drift, lock held, expired plan (exit 6)
    conflict,     ///< busy: somebody else is using it (exit 6)
    cancelled,    ///< we were asked to stop (exit 130/143)
    io,           ///< disk or descriptor trouble on this machine (exit 4)
    internal,     ///< a broken invariant of ours (exit 4)
};

/// Stable lower-case word for logs and --json ("not_found").
[[nodiscard]] std::string_view to_string(Code code) noexcept;

struct Error {
    Code code = Code::internal;
    std::string message; ///< one line, no trailing period: what went wrong
    std::string where{}; ///< file:line:column, URL without query, option name; may be empty
    Advice hint{};       ///< what to type or change next; may be empty

    /// "where: message (hint)" with the empty pieces left out. One line.
    [[nodiscard]] std::string text() const;
    /// The same error seen from one level up: "context: message".
    [[nodiscard]] Error prefixed(std::string_view context) &&;
};

template <class T> using Result = std::expected<T, Error>;

/// An error of `result` seen from one level up: "context: message".
template <class T> [[nodiscard]] Result<T> prefixed(Result<T> result, std::string_view context) {
    return result ? std::move(result)
                  : std::unexpected(std::move(result).error().prefixed(context));
}
/// An error of `result` in a place that only its caller knows.
template <class T> [[nodiscard]] Result<T> located(Result<T> result, std::string where) {
    if (!result) {
        result.error().where = std::move(where);
    }
    return result;
}

[[nodiscard]] inline std::unexpected<Error>
fail(Code code, std::string message, std::string where = {}, Advice hint = {}) {
    return std::unexpected(Error{code, std::move(message), std::move(where), std::move(hint)});
}

/// What the system calls an errno: "No such file or directory".
[[nodiscard]] std::string errno_text(int number);

/// True when a failed write may still have been applied by the other side.
[[nodiscard]] bool is_ambiguous(const Error& error) noexcept;

} // namespace oa_stream

#define OA_CONCAT_(a, b) a##b
#define OA_CONCAT(a, b) OA_CONCAT_(a, b)
#define OA_TRY_(tmp, ret, decl, expr)                                                              \
    auto tmp = (expr);                                                                             \
    if (!tmp) {                                                                                    \
        ret std::unexpected(std::move(tmp).error());                                               \
    }                                                                                              \
    decl = *std::move(tmp)
#define OA_CHECK_(tmp, ret, expr)                                                                  \
    if (auto tmp = (expr); !tmp)                                                                   \
    ret std::unexpected(std::move(tmp).error())

/// OA_TRY(auto x, f()); – x = *f(), or return f()'s error.
#define OA_TRY(decl, expr) OA_TRY_(OA_CONCAT(oa_try_, __COUNTER__), return, decl, expr)
/// The same inside a coroutine.
#define OA_CO_TRY(decl, expr) OA_TRY_(OA_CONCAT(oa_try_, __COUNTER__), co_return, decl, expr)
/// OA_CHECK(f()); – for Result<void>.
#define OA_CHECK(expr) OA_CHECK_(OA_CONCAT(oa_try_, __COUNTER__), return, expr)
#define OA_CO_CHECK(expr) OA_CHECK_(OA_CONCAT(oa_try_, __COUNTER__), co_return, expr)
