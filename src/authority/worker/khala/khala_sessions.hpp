// One connection on either wire, from a token to its end.
#pragma once

#include "khala_link.hpp"

namespace oa_stream::authority {

class RustSession {
public:
    using Link = KhalaLink::Self;
    [[nodiscard]] static Task<KhalaEnd> run(Link link, Secret token);

private:
    struct Head {
        std::optional<KhalaEnd> end{};
        std::optional<std::uint64_t> at{}; ///< unset: the topic is empty
        bool throttled = false;            ///< the request was refused; `at` is meaningless
    };
    [[nodiscard]] static Task<Head> ask_head(Link link, Secret token);
    static void choose_cursor(KhalaLink& link, const Head& head);
};

class PhoenixSession {
public:
    using Link = KhalaLink::Self;
    using Socket = std::shared_ptr<net::WebSocket>;
    [[nodiscard]] static Task<KhalaEnd> run(Link link, Secret token);

private:
    [[nodiscard]] static Task<std::optional<KhalaEnd>> join(Link link, Socket socket);
    [[nodiscard]] static Task<std::optional<KhalaEnd>> subscribe(Link link, Socket socket);
    [[nodiscard]] static Task<KhalaEnd> read(Link link, Socket socket);
    [[nodiscard]] static Task<void>
    beat(std::weak_ptr<KhalaLink> link, std::weak_ptr<net::WebSocket> socket, Millis every);
};

} // namespace oa_stream::authority
