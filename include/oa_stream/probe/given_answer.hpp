// Compares two existing answers to one request, as shadow compares turns.
#pragma once

#include "oa_stream/net/http.hpp"
#include "oa_stream/probe/shadow.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::probe {

struct GivenAnswer {
    int status = 0;
    const net::Headers* headers = nullptr;
    std::string_view body{};
    std::string_view cut{}; ///< why it ended early; empty: it is complete
};

/// A sentence for each difference; empty: the answers are equivalent. Contains no text of an
/// answer, only kinds, numbers and endings. Turns are compared as shadow does; for other answers
/// the status, the media type, the error's code and the shape of the JSON.
[[nodiscard]] std::vector<std::string>
differences_of_given(const GivenAnswer& lane, const GivenAnswer& reference, Compare compare);

} // namespace oa_stream::probe
