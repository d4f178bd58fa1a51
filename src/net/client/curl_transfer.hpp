// One transfer of the client.
#pragma once

#include "oa_stream/net/http_client.hpp"

#include "curl_failure.hpp"
#include "curl_loop.hpp"

#include <array>
#include <memory>
#include <string>

namespace oa_stream::net {

/// A list of header lines whose bytes are overwritten on destruction: a line may hold a token.
class HeaderLines {
public:
    HeaderLines() = default;
    HeaderLines(const HeaderLines&) = delete;
    HeaderLines& operator=(const HeaderLines&) = delete;
    ~HeaderLines();
    void add(const std::string& line);
    [[nodiscard]] curl_slist* get() const noexcept { return list_; }

private:
    curl_slist* list_ = nullptr;
};

class CurlTransfer : public std::enable_shared_from_this<CurlTransfer> {
public:
    CurlTransfer(
        const std::shared_ptr<CurlLoop>& loop,
        ClientRequest request,
        StreamHandlers handlers,
        bool collect
    );
    CurlTransfer(const CurlTransfer&) = delete;
    CurlTransfer& operator=(const CurlTransfer&) = delete;
    ~CurlTransfer();

    void start();
    void resume();
    /// No handler is called after this returns.
    void cancel();
    [[nodiscard]] static Task<ClientResponse> done(std::shared_ptr<CurlTransfer> self);

    // Called by CurlLoop.
    void ended(CURLcode code);
    void abort(CurlLoop& loop);

private:
    enum class Phase { connecting, waiting, reading, over };

    [[nodiscard]] bool configure();
    void configure_body();
    [[nodiscard]] const std::string& body() const noexcept {
        return request_.shared_body ? *request_.shared_body : request_.body;
    }
    void drop_body();
    [[nodiscard]] bool configure_headers();
    void configure_route();
    void configure_trust();
    [[nodiscard]] bool add_field(const std::string& name, const std::string& value);

    static std::size_t on_header(char* bytes, std::size_t one, std::size_t size, void* self);
    static std::size_t on_body(char* bytes, std::size_t one, std::size_t size, void* self);
    static CURLcode on_handshake(CURL* easy, void* context, void* self);
    static int on_connected(void* self, char* ip, char* local, int port, int local_port);
    [[nodiscard]] std::size_t take_head_line(std::string_view line);
    [[nodiscard]] bool head_complete();
    [[nodiscard]] std::size_t take_body(std::string_view bytes);
    [[nodiscard]] bool collect(std::string_view bytes);
    [[nodiscard]] bool stop_with(TransferFailure failure, std::string text);

    void enter(Phase phase);
    void arm_timer();
    void nudge();
    void on_timer();
    [[nodiscard]] Clock::time_point phase_end() const noexcept;
    void give_up(TransferFailure failure, std::string text);
    void finish();
    void note_connection();
    [[nodiscard]] double since_start() const noexcept;

    std::weak_ptr<CurlLoop> loop_;
    asio::any_io_executor executor_;
    ClientRequest request_;
    StreamHandlers handlers_;
    ClientResponse response_;
    HeaderLines lines_;
    HeaderLines route_;
    CURL* easy_;
    std::array<char, CURL_ERROR_SIZE> error_{};
    asio::steady_timer timer_;
    class Waiting;
    asio::steady_timer* waiter_ = nullptr; ///< set only by Waiting
    Clock::time_point phase_since_{};
    Phase phase_ = Phase::connecting;
    bool collect_;
    bool reached_ = false; ///< the connection is established, including TLS
    bool head_done_ = false;
    bool pause_first_ = false; ///< on_head asked for a pause before the first byte
    bool paused_ = false;
    bool muted_ = false;
};

} // namespace oa_stream::net
