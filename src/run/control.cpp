#include "oa_stream/run/control.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/process.hpp"
#include "oa_stream/base/text.hpp"

#include "control_path.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace oa_stream::run {

namespace fs = std::filesystem;
using Local = asio::local::stream_protocol;

namespace {

constexpr auto k_awaitable = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t k_longest_request = 16384;
constexpr std::size_t k_longest_name = 80;
constexpr std::size_t k_longest_reason = 400;
constexpr auto k_patience = std::chrono::seconds(5);
constexpr int k_backlog = 16;

/// The account that asks, as the kernel has it.
std::string account_of(int socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        return "unknown account";
    }
    return account_name(peer.uid);
}

/// Who asks waits for the answer, as long as it cares for it.
bool has_left(int socket) {
    char next = 0;
    return ::recv(socket, &next, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

Result<Order> order_of(const Json& request, const std::string& account) {
    const std::string word = text_in(request, "action");
    const auto action = enum_value<Action>(k_action_words, word);
    if (!action) {
        return fail(Code::usage, fmt::format("'{}' is not an order", printable(word)));
    }
    const std::string name = printable(trim(text_in(request, "who")), k_longest_name);
    Order out;
    out.action = *action;
    out.who =
        name.empty() || name == account ? account : fmt::format("{} (account {})", name, account);
    out.reason = printable(trim(text_in(request, "reason")), k_longest_reason);
    return out;
}

Json refusal(const Error& error) {
    Json out = {
        {"ok", false},
        {"code", to_string(error.code)},
        {"error", error.message},
        {"hint", nullptr},
    };
    if (!error.hint.empty()) {
        put_advice(out, "hint", error.hint);
    }
    return out;
}

/// Of an order that was given up, only the safe one still counts.
Result<void> obey(Steering& steering, const Json& request, int socket) {
    OA_TRY(const Order order, order_of(request, account_of(socket)));
    if (order.action != Action::abort && has_left(socket)) {
        return fail(Code::cancelled, "the order was given up");
    }
    return steering.give(order);
}

Json answer_to(Steering& steering, std::string_view line, int socket) {
    const auto request = parse_json(line);
    if (!request || !request->is_object()) {
        return refusal({Code::protocol, "the request is not a JSON object", {}, {}});
    }
    if (text_in(*request, "action") != "status") {
        if (const auto obeyed = obey(steering, *request, socket); !obeyed) {
            return refusal(obeyed.error());
        }
    }
    Json out = {{"ok", true}};
    out.update(steering.status());
    return out;
}

Error errno_error(std::string_view what, const fs::path& where) {
    return {Code::io, fmt::format("{}: {}", what, errno_text(errno)), where.string(), {}};
}

} // namespace

struct ControlSocket::Door {
    Door(const asio::any_io_executor& executor, fs::path where, Steering& whose)
        : acceptor(executor), folder(std::move(where)), steering(&whose) {}

    Local::acceptor acceptor;
    fs::path folder;
    Steering* steering; ///< null: the run is over

    [[nodiscard]] Result<void> listen();
    void close();

    // Coroutines keep what they work on alive.
    [[nodiscard]] static Task<void> serve(std::shared_ptr<Door> door);
    [[nodiscard]] static Task<void> converse(std::shared_ptr<Door> door, Local::socket socket);
};

Result<void> ControlSocket::Door::listen() {
    std::error_code ignored;
    fs::remove(folder / k_control_file, ignored); // of a process that died
    OA_TRY(const ShortPath path, ShortPath::in(folder));
    boost::system::error_code error;
    acceptor.open({}, error);
    if (error) {
        return fail(Code::io, "cannot open a control socket: " + error.message(), folder.string());
    }
    // The mode of the socket becomes that of the file: it is never open to others.
    if (::fchmod(acceptor.native_handle(), S_IRUSR | S_IWUSR) != 0) {
        return std::unexpected(errno_error("cannot protect the control socket", folder));
    }
    acceptor.bind(Local::endpoint(path.of(k_control_file)), error);
    if (!error) {
        acceptor.listen(k_backlog, error);
    }
    return error ? fail(
                       Code::io,
                       "cannot listen on the control socket: " + error.message(),
                       (folder / k_control_file).string()
                   )
                 : Result<void>{};
}

void ControlSocket::Door::close() {
    steering = nullptr;
    boost::system::error_code ignored;
    acceptor.close(ignored);
    std::error_code gone;
    fs::remove(folder / k_control_file, gone);
}

Task<void> ControlSocket::Door::serve(std::shared_ptr<Door> door) {
    const auto executor = co_await asio::this_coro::executor;
    while (door->steering != nullptr) {
        auto [error, socket] = co_await door->acceptor.async_accept(k_awaitable);
        if (error == asio::error::operation_aborted) {
            co_return;
        }
        if (error) { // too many descriptors: others may be given back
            (void)co_await sleep_for(Millis(100));
            continue;
        }
        spawn(executor, "control", converse(door, std::move(socket)));
    }
}

Task<void> ControlSocket::Door::converse(std::shared_ptr<Door> door, Local::socket accepted) {
    auto socket = std::make_shared<Local::socket>(std::move(accepted));
    asio::steady_timer limit(socket->get_executor(), k_patience);
    limit.async_wait([socket](const boost::system::error_code& cancelled) {
        boost::system::error_code ignored;
        if (!cancelled) {
            socket->close(ignored);
        }
    });
    std::string text;
    const auto [unread, size] = co_await asio::async_read_until(
        *socket, asio::dynamic_buffer(text, k_longest_request), '\n', k_awaitable
    );
    if (unread || door->steering == nullptr) {
        co_return;
    }
    const Json answer =
        answer_to(*door->steering, std::string_view(text).substr(0, size), socket->native_handle());
    const std::string line = dump_json(answer) + "\n";
    (void)co_await asio::async_write(*socket, asio::buffer(line), k_awaitable);
}

ControlSocket::ControlSocket(std::shared_ptr<Door> door) : door_(std::move(door)) {
}
ControlSocket::ControlSocket(ControlSocket&&) noexcept = default;
ControlSocket::~ControlSocket() {
    if (door_) {
        door_->close();
    }
}

Result<ControlSocket> ControlSocket::open(
    const asio::any_io_executor& executor, const fs::path& folder, Steering& steering
) {
    auto door = std::make_shared<Door>(executor, folder, steering);
    OA_CHECK(door->listen());
    spawn(executor, "control", Door::serve(door));
    return ControlSocket(std::move(door));
}

} // namespace oa_stream::run
