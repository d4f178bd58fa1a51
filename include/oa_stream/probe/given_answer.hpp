// Answers that were already given: two of them to one request, compared as shadow compares turns.
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
    std::string_view cut{}; ///< why it stopped before its end; empty: it came whole
};

/// A sentence for each difference; empty: they say the same. None holds a word of an answer:
/// only kinds, numbers and endings. Turns are compared as shadow does; of other answers the status,
/// the media type, the error's code and the shape of the JSON.
[[nodiscard]] std::vector<std::string>
differences_of_given(const GivenAnswer& lane, const GivenAnswer& reference, Compare compare);

} // namespace oa_stream::probe
