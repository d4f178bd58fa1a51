// A token that can be replaced while the lane runs.
#pragma once

#include "oa_stream/base/clock.hpp"
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
            OA_CO_TRY(given_, co_await program_(std::exchange(refused_, false)));
            co_return given_;
        }
        if (!token_) {
            OA_CO_TRY(token_, read_secret(reference_));
        }
        given_ = *token_;
        co_return *token_;
    }
    /// The token was refused: the next get() reads it again. A descriptor can be read only once.
    void refused() {
        refused_value_ = given_;
        ask_again();
    }
    void ask_again() {
        refused_ = true;
        if (!reference_.starts_with("fd:")) {
            token_.reset();
        }
    }
    /// Whether the source now has a different token than the refused one; true once for each. Reads
    /// a file at every call, runs a program at most every `k_rest`.
    [[nodiscard]] Task<bool> replaced() {
        if (refused_value_.empty() || !(program_ || reference_.starts_with("file:"))) {
            co_return false;
        }
        if (program_) {
            if (Clock::now() - asked_ < k_rest) {
                co_return false;
            }
            asked_ = Clock::now();
        }
        ask_again();
        const auto now = co_await get();
        if (!now || now->equals(refused_value_.reveal())) {
            co_return false;
        }
        refused_value_ = *now;
        co_return true;
    }

private:
    static constexpr Millis k_rest{5'000};

    std::string reference_;
    net::TokenSource program_{};
    bool refused_ = false;
    Secret given_{};
    Secret refused_value_{};
    Clock::time_point asked_{};
    std::optional<Secret> token_{};
};

} // namespace oa_stream::authority
