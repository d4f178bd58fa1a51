// Turn events → UI message stream frames, emitted only through the contract's machine.
// docs/mapping.md is generated from the event → chunk table (tests/encode/ui_mapping.cpp).
#pragma once

#include "oa_stream/encode/turn_encoder.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::encode {

struct UiEncoderOptions {
    std::string thread{};     ///< the client's thread id, for messageMetadata
    std::string message_id{}; ///< start.messageId
    std::string turn{};       ///< turn id, for messageMetadata
    std::string model{};
    std::vector<std::string> ignored{}; ///< parts of the request that had no effect
    /// The client supports the approval chunks (AI SDK 6 and later). Without it, ApprovalAsked and
    /// ApprovalSettled are ignored.
    bool approvals = false;
};

class UiEncoder : public TurnEncoder {
public:
    explicit UiEncoder(UiEncoderOptions options);
    UiEncoder(const UiEncoder&) = delete;
    UiEncoder& operator=(const UiEncoder&) = delete;
    ~UiEncoder() override;
    UiEncoder(UiEncoder&&) noexcept;
    UiEncoder& operator=(UiEncoder&&) noexcept;

    /// Restores the state of an answer whose first frames, `sent`, were already sent; must be the
    /// first call. Code::protocol: they are not the beginning of a legal answer.
    [[nodiscard]] Result<void> restore(std::string_view sent);

    /// Appends start and start-step.
    void begin(std::string& out) override;
    /// For TurnEnded everything up to [DONE].
    [[nodiscard]] Result<void> encode(const turn::Event& event, std::string& out) override;
    void fail_open(const turn::Failure& failure, std::string& out) override;
    /// The next answer has the same message id, because it continues the message.
    [[nodiscard]] Result<std::optional<Break>> pause(std::string& out) override;
    [[nodiscard]] bool ended() const noexcept override;
    [[nodiscard]] const TurnSummary& summary() const noexcept override;

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace oa_stream::encode
