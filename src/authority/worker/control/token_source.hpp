// A token that can be replaced while the lane runs.
#pragma once

#include "oa_stream/base/secret.hpp"
#include "oa_stream/net/token_source.hpp"

#include <optional>
#include <string>
#include <utility>

namespace oa_stream::authority {

class TokenSource {
public:
    /// env:NAME, file:PATH, fd:N or command:PROGRAM ARG…
    TokenSource(
        const asio::any_io_executor& executor, net::HttpClient& client, std::string reference
    )
        : reference_(std::move(reference)) {
        if (reference_.starts_with("command:")) {
            program_ = net::token_source(executor, client, reference_, {});
        }
    }

    [[nodiscard]] Task<Result<Secret>> get() {
        if (program_) {
            co_return co_await program_(std::exchange(refused_, false));
        }
        if (!token_) {
            OA_CO_TRY(token_, read_secret(reference_));
        }
        co_return *token_;
    }
    /// It was refused: the next get() asks for it again. A descriptor can be read only once.
    void refused() {
        refused_ = true;
        if (!reference_.starts_with("fd:")) {
            token_.reset();
        }
    }

private:
    std::string reference_;
    net::TokenSource program_{};
    bool refused_ = false;
    std::optional<Secret> token_{};
};

} // namespace oa_stream::authority
