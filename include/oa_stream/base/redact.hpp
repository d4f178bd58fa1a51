// The one redaction table: what must never reach a log, a report or an evidence file.
#pragma once

#include "oa_stream/base/secret.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream {

/// A place that must not be shown. Its content is reported only as a Secret.
struct Redaction {
    std::size_t offset = 0; ///< bytes
    std::size_t length = 0;
    std::string kind{}; ///< "known secret AUTH_TOKEN", "bearer token"
    Secret value{};     ///< the same for all forms of a known secret; else what stands there
};

/// Replaces, keeping the length ('*' per byte): bearer tokens, JWTs, well-known key shapes (sk-…,
/// ghp_…, AKIA…), private keys, cookies, passwords in URLs, token-like members and query
/// parameters, and the given known secrets in raw, percent-, base64- (wherever they begin in a
/// group) and JSON-escaped form, and their beginnings where "…" cuts them. JSON stays JSON. What
/// was redacted once is not found again.
class Redactor {
public:
    Redactor() = default;
    /// Secrets shorter than 8 bytes are ignored: they would blank half of every file. `name` is
    /// shown where it is found; it is not a secret. Of two equal ones the later name counts.
    void add_known(const Secret& secret, std::string_view name = {});
    /// Secret-like variables of this process' environment (…TOKEN, …SECRET, …PASSWORD, …KEY): what
    /// stands there reaches no evidence, whether a run uses it or not.
    void add_environment();

    [[nodiscard]] std::string apply(std::string_view text) const;
    [[nodiscard]] Advice clean(const Advice& advice) const; ///< apply() to each text

    /// What apply() would replace, by offset; places may overlap.
    [[nodiscard]] std::vector<Redaction> find(std::string_view text) const;
    /// Of a stored stream (server-sent events or lines of JSON): also what shows only when the
    /// deltas of one part are joined.
    [[nodiscard]] std::vector<Redaction> find_stream(std::string_view text) const;
    /// Of that only what joining shows: each line has been redacted already.
    [[nodiscard]] std::vector<Redaction> find_joined(std::string_view text) const;

private:
    struct Known {
        std::string name;
        Secret secret;
        std::vector<std::string> forms; ///< as it is, and within base64
    };
    std::vector<Known> known_;
};

} // namespace oa_stream
