// The one redaction table: what must never reach a log, a report or an evidence file.
#pragma once

#include "oa_stream/base/secret.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream {

/// Replaces, keeping the length ('*' per byte): bearer tokens, JWTs, well-known key shapes (sk-…,
/// ghp_…, AKIA…), cookies, token-like query parameters, and the given known secrets in raw,
/// percent-, base64- and JSON-escaped form.
class Redactor {
public:
    Redactor() = default;
    /// Secrets shorter than 8 bytes are ignored: they would blank half of every file.
    void add_known(const Secret& secret);
    [[nodiscard]] std::string apply(std::string_view text) const;

private:
    std::vector<std::string> known_;
};

} // namespace oa_stream
