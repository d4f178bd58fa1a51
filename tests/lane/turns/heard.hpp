// What a reader of a turn is sent.
#pragma once

#include "oa_stream/net/http_server.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace oa_stream::test {

/// A reader's answer, as far as it was sent.
class Heard final : public net::BodyStream {
public:
    explicit Heard(std::string& bytes) : bytes_(&bytes) {}
    [[nodiscard]] State state() const noexcept override { return State::open; }
    State send(std::span<const net::Slice> slices) override {
        for (const auto& slice : slices) {
            *bytes_ += slice.bytes;
        }
        return left ? State::gone : State::open;
    }
    bool left = false; ///< the peer has, and on_gone is still to come
    void finish() override { *bytes_ += "(finished)"; }
    void cut() override { *bytes_ += "(cut)"; }
    void on_writable(std::function<void()> /*fn*/) override {}
    void on_gone(std::function<void()> /*fn*/) override {}
    [[nodiscard]] std::uint64_t bytes_sent() const noexcept override { return bytes_->size(); }

private:
    std::string* bytes_;
};

} // namespace oa_stream::test
