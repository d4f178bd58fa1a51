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
    std::vector<Secret> hidden{}; ///< of them, that must not be shown
};

/// Of lines "Name: value". A value as net::read_token() takes it (env:NAME, …) is read and hidden.
/// Code::usage for what is not a header, Code::credentials.
[[nodiscard]] Result<GivenHeaders> read_headers(std::span<const std::string> lines);

} // namespace oa_stream::probe
