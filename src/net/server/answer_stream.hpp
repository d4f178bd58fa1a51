// The streaming answer: BodyStream over a connection.
#pragma once

#include "connection.hpp"

#include <functional>
#include <memory>

namespace oa_stream::net {

class AnswerStream final : public BodyStream, public std::enable_shared_from_this<AnswerStream> {
public:
    AnswerStream(std::shared_ptr<Connection> connection, Framing framing, std::uint64_t length);
    ~AnswerStream() override;
    AnswerStream(const AnswerStream&) = delete;
    AnswerStream& operator=(const AnswerStream&) = delete;

    [[nodiscard]] State state() const noexcept override;
    State send(std::span<const Slice> slices) override;
    void finish() override;
    void cut() override;
    void on_writable(std::function<void()> fn) override;
    void on_gone(std::function<void()> fn) override;
    [[nodiscard]] std::uint64_t bytes_sent() const noexcept override;

    // Called by Connection.
    void drained();
    void lost();
    void through();

private:
    [[nodiscard]] State send_framed(std::span<const Slice> slices, std::uint64_t size);
    void let_go();
    void announce_gone();

    std::shared_ptr<Connection> connection_; ///< null once the answer has ended, in whatever way
    asio::any_io_executor executor_;
    std::function<void()> on_writable_;
    std::function<void()> on_gone_;
    std::uint64_t bytes_before_;    ///< sent on this connection by earlier streams
    std::uint64_t bytes_total_ = 0; ///< valid once connection_ is null
    std::uint64_t length_left_;
    Framing framing_;
    bool blocked_ = false;
    bool finished_ = false;
    bool lost_ = false;
};

} // namespace oa_stream::net
