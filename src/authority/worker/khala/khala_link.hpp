// The one connection to Khala: opened at start, shared by all turns, opened again whenever it is
// lost. It knows tokens, cursors and pauses; what the events mean is the core's business.
#pragma once

#include "oa_stream/authority/worker.hpp"
#include "oa_stream/net/http_client.hpp"
#include "oa_stream/net/websocket.hpp"

#include "codex/process/signal.hpp"
#include "khala_frames.hpp"
#include "worker/control/control_client.hpp"

#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace oa_stream::authority {

struct KhalaHandlers {
    std::function<void(std::vector<WorkerEvent>)> events{};
    /// `lost`: events were missed that the topic will not tell.
    std::function<void(bool lost)> up{};
    std::function<void()> down{};
    /// Three fresh tokens in a row were refused.
    std::function<void(const std::string& why)> denied{};
};

/// Why a connection is over.
struct KhalaEnd {
    enum class Why {
        lost,
        stale,
        slow,
        denied,  ///< the token was refused
        settings, ///< topic, scope or path is wrong
        refused_build,
    } why = Why::lost;
    std::string text{}; ///< one safe line
    std::optional<std::uint64_t> head{};
    std::optional<Millis> pause{};
    bool cut = false; ///< nobody said why
    bool too_large = false; ///< what came next is longer than a message may be
};

class KhalaLink : public std::enable_shared_from_this<KhalaLink> {
public:
    using Self = std::shared_ptr<KhalaLink>;
    KhalaLink(
        const asio::any_io_executor& executor,
        std::shared_ptr<const WorkerOptions> options,
        std::shared_ptr<ControlClient> control,
        KhalaHandlers handlers
    );

    /// Until stop().
    [[nodiscard]] static Task<void> run(Self self);
    [[nodiscard]] static Task<void> stop(Self self);
    /// Refused tokens are left alone for a while; a new one is tried at once.
    [[nodiscard]] bool rests() const noexcept { return rests_; }
    void wake();
    /// Whether another token stands where the refused one came from; never for minted ones.
    [[nodiscard]] static Task<bool> replaced(Self self);
    /// A fresh one. Code::credentials: refused.
    [[nodiscard]] static Task<Result<Secret>> token(Self self);
    /// One connection, from the question for the head to its end.
    [[nodiscard]] static Task<KhalaEnd> session(Self self, Secret token);

    [[nodiscard]] bool up() const noexcept { return up_; }
    /// Why it is down; empty while it is up.
    [[nodiscard]] const std::string& reason() const noexcept { return reason_; }
    [[nodiscard]] std::uint64_t reconnects() const noexcept { return reconnects_; }
    [[nodiscard]] std::uint64_t stale_cursors() const noexcept { return stale_cursors_; }
    [[nodiscard]] std::uint64_t reauths() const noexcept { return reauths_; }
    [[nodiscard]] std::uint64_t unanswered() const noexcept { return unanswered_; }
    /// Its numbers began again since the last call.
    [[nodiscard]] bool began_again() noexcept { return std::exchange(began_again_, false); }

private:
    static constexpr std::size_t k_batch = 200;
    friend class RustSession;
    friend class PhoenixSession;

    [[nodiscard]] Millis pause_after(const KhalaEnd& end, bool was_up);
    void went_down(const KhalaEnd& end);
    /// The same question would get the same answer.
    void ask_for_less();
    void went_up();
    void receive(KhalaFrame& frame);
    /// The server owes an answer on `socket_` from now on; without one it is left.
    void expect_answer();
    void still_answering();
    void leave_silent();
    [[nodiscard]] static Task<void>
    watch_silence(std::weak_ptr<KhalaLink> link, std::weak_ptr<net::WebSocket> socket);
    /// The next message on `socket`.
    [[nodiscard]] static Task<std::expected<std::string, KhalaEnd>>
    receive(Self self, std::shared_ptr<net::WebSocket> socket);
    [[nodiscard]] static KhalaEnd end_of(const net::WebSocketOpened& refused, KhalaWire wire);
    [[nodiscard]] static KhalaEnd end_of(const KhalaFrame& frame);

    asio::any_io_executor executor_;
    std::shared_ptr<const WorkerOptions> options_;
    std::shared_ptr<ControlClient> control_;
    KhalaHandlers handlers_;
    KhalaFilter filter_;
    std::unique_ptr<net::HttpClient> http_;
    TokenSource token_;
    std::shared_ptr<net::WebSocket> socket_{};
    Signal changed_;
    std::optional<std::uint64_t> cursor_{}; ///< the highest watermark received
    Clock::time_point heard_{}; ///< the last message on any socket
    std::optional<Clock::time_point> answer_by_{}; ///< set: the server owes an answer
    std::size_t batch_ = k_batch; ///< events that are asked for in one message
    bool let_in_ = false;  ///< the last connection's token and channel were accepted
    int cut_ = 0; ///< connections in a row that were let in, and cut before they told anything
    bool to_head_ = false; ///< the cursor is of no use: go on at the head
    bool at_head_ = false; ///< the last end told the head, and the cursor is there
    bool from_zero_ = false; ///< what is retained is being read, over evictions if need be
    bool lost_ = false;    ///< what the next up() says
    bool began_again_ = false;
    bool up_ = false;
    bool stopping_ = false;
    std::string reason_ = "not connected yet";
    Millis advised_;
    int failures_ = 0;
    int denials_ = 0;
    bool rests_ = false;
    std::deque<Clock::time_point> evictions_{};
    std::uint64_t reconnects_ = 0;
    std::uint64_t stale_cursors_ = 0;
    std::uint64_t reauths_ = 0; ///< tokens that were refused, in the middle or at the start
    std::uint64_t unanswered_ = 0; ///< connections that were left because Khala said nothing
    std::minstd_rand random_;
};

} // namespace oa_stream::authority
