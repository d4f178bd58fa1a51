// Headers that an operator adds to requests of any kind.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/secret.hpp"
#include "oa_stream/net/http.hpp"

#include <span>
#include <string>
#include <vector>

namespace oa_stream::probe {

struct GivenHeaders {
    net::Headers values{};
    std::vector<Secret> hidden{}; ///< values that must not be shown
};

/// Reads lines "Name: value". A value in the form of net::read_token() (env:NAME, …) is read and
/// hidden. Code::usage for an invalid header, Code::credentials.
[[nodiscard]] Result<GivenHeaders> read_headers(std::span<const std::string> lines);

} // namespace oa_stream::probe
