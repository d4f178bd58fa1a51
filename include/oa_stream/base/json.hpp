// JSON helpers. nlohmann's JSON is vocabulary for opaque JSON only: anything we understand
// becomes a struct at the edge.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/json_library.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream {

using Json = nlohmann::basic_json<json_library::JsonMembers>;

struct JsonLimits {
    int depth = 64; ///< nested arrays and objects; deeper is an error (the library overflows later)
};

/// Parses one JSON value. Errors: Code::protocol with the byte position; too deep, trailing text,
/// invalid UTF-8, lone surrogates and byte order marks included. Duplicate keys keep the last.
[[nodiscard]] Result<Json> parse_json(std::string_view text, JsonLimits limits = {});

/// One line, invalid UTF-8 replaced by U+FFFD. Never throws.
[[nodiscard]] std::string dump_json(const Json& value);

/// A whole file for people to read: indented, a final newline, invalid UTF-8 replaced by U+FFFD
/// (arguments and titles may have any bytes). Never throws.
[[nodiscard]] std::string json_document(const Json& value);

/// Appends `text` as a JSON string literal with quotes. Invalid UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// Member access that never throws and never converts: nullptr when `object` is not an object or
/// has no such member.
[[nodiscard]] const Json* member(const Json& object, std::string_view key) noexcept;
/// The member as a string, nullopt unless it is one.
[[nodiscard]] std::optional<std::string_view>
string_member(const Json& object, std::string_view key) noexcept;
/// The member as a signed integer, nullopt unless it is an integer in range (3.7, true, "3": no).
[[nodiscard]] std::optional<std::int64_t>
int_member(const Json& object, std::string_view key) noexcept;
[[nodiscard]] std::optional<bool> bool_member(const Json& object, std::string_view key) noexcept;

} // namespace oa_stream
