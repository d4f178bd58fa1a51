// A token that can be replaced while the lane runs.
#pragma once

#include "oa_stream/base/secret.hpp"

#include <optional>
#include <string>

namespace oa_stream::authority {

class TokenSource {
public:
    /// env:NAME, file:PATH or fd:N.
    explicit TokenSource(std::string reference) : reference_(std::move(reference)) {}

    [[nodiscard]] Result<Secret> get() {
        if (!token_) {
            OA_TRY(token_, read_secret(reference_));
        }
        return *token_;
    }
    /// It was refused: the next get() reads it again. A descriptor can be read only once.
    void refused() {
        if (!reference_.starts_with("fd:")) {
            token_.reset();
        }
    }

private:
    std::string reference_;
    std::optional<Secret> token_{};
};

} // namespace oa_stream::authority
