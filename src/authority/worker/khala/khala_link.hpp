// The one connection to Khala: opened at start, shared by all turns, reopened whenever it is lost.
// It handles tokens, cursors and pauses; the core interprets the events.
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
    /// `lost`: events were missed that the topic will not resend.
    std::function<void(bool lost)> up{};
    std::function<void()> down{};
    /// Three new tokens in a row were refused.
    std::function<void(const std::string& why)> denied{};
};

/// Why a connection ended.
struct KhalaEnd {
    enum class Why {
        lost,
        stale,
        slow,
        denied,  ///< the token was refused
        settings, ///< wrong topic, scope or path
        refused_build,
    } why = Why::lost;
    std::string text{}; ///< one line that is safe to log
    std::optional<std::uint64_t> head{};
    std::optional<Millis> pause{};
    bool cut = false; ///< cut without a reason from the server
    bool too_large = false; ///< the next message exceeds the size limit
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

    /// Runs until stop().
    [[nodiscard]] static Task<void> run(Self self);
    [[nodiscard]] static Task<void> stop(Self self);
    /// After refused tokens the link pauses for a while, but tries a new token at once.
    [[nodiscard]] bool rests() const noexcept { return rests_; }
    void wake();
    /// Whether the source of the refused token now has a different one; never true for minted
    /// tokens.
    [[nodiscard]] static Task<bool> replaced(Self self);
    /// A new token. Code::credentials: refused.
    [[nodiscard]] static Task<Result<Secret>> token(Self self);
    /// One connection, from the request for the topic's head to its end.
    [[nodiscard]] static Task<KhalaEnd> session(Self self, Secret token);

    [[nodiscard]] bool up() const noexcept { return up_; }
    /// Why the link is down; empty while it is up.
    [[nodiscard]] const std::string& reason() const noexcept { return reason_; }
    [[nodiscard]] std::uint64_t reconnects() const noexcept { return reconnects_; }
    [[nodiscard]] std::uint64_t stale_cursors() const noexcept { return stale_cursors_; }
    [[nodiscard]] std::uint64_t reauths() const noexcept { return reauths_; }
    [[nodiscard]] std::uint64_t unanswered() const noexcept { return unanswered_; }
    /// The topic's numbers restarted since the last call.
    [[nodiscard]] bool began_again() noexcept { return std::exchange(began_again_, false); }

private:
    static constexpr std::size_t k_batch = 200;
    friend class RustSession;
    friend class PhoenixSession;

    [[nodiscard]] Millis pause_after(const KhalaEnd& end, bool was_up);
    void went_down(const KhalaEnd& end);
    /// Reduces the batch, because the same request would get the same answer.
    void ask_for_less();
    void went_up();
    void receive(KhalaFrame& frame);
    /// From now on the server must answer on `socket_`; without an answer the socket is closed.
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
    std::optional<Clock::time_point> answer_by_{}; ///< deadline of a pending answer
    std::size_t batch_ = k_batch; ///< events requested per message
    bool let_in_ = false; ///< the last connection's token and channel were accepted
    int cut_ = 0; ///< accepted connections in a row that were cut before any event
    bool to_head_ = false; ///< the cursor is useless: continue at the head
    bool at_head_ = false; ///< the last end named the head, and the cursor is there
    bool from_zero_ = false; ///< reading all retained events, in spite of evictions
    bool lost_ = false; ///< argument of the next up()
    bool began_again_ = false;
    bool up_ = false;
    bool known_good_ = false; ///< it was up once: the settings are right
    bool stopping_ = false;
    std::string reason_ = "not connected yet";
    Millis advised_;
    int failures_ = 0;
    int denials_ = 0;
    bool rests_ = false;
    std::deque<Clock::time_point> evictions_{};
    std::uint64_t reconnects_ = 0;
    std::uint64_t stale_cursors_ = 0;
    std::uint64_t reauths_ = 0; ///< tokens refused at the start or later
    std::uint64_t unanswered_ = 0; ///< connections closed because Khala did not answer
    std::minstd_rand random_;
};

} // namespace oa_stream::authority
