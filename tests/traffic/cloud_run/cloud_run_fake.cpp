#include "cloud_run_fake.hpp"

#include "oa_stream/base/text.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace oa_stream::traffic::testing {

using tcp = asio::ip::tcp;

struct CloudRunFake::Call {
    std::string method;
    std::string target;
    std::map<std::string, std::string> headers; ///< names in lower case
    std::string body;
    [[nodiscard]] std::string path() const { return target.substr(0, target.find('?')); }
    [[nodiscard]] std::string query() const {
        const auto mark = target.find('?');
        return mark == std::string::npos ? "" : target.substr(mark + 1);
    }
    [[nodiscard]] std::string header(const std::string& name) const {
        const auto found = headers.find(name);
        return found == headers.end() ? "" : found->second;
    }
};

struct CloudRunFake::Reply {
    int status = 200;
    std::string body{};
    std::string type = "application/json";
    std::vector<std::pair<std::string, std::string>> headers{};
    Fault::End end = Fault::End::whole;
};

/// The listening socket outlives the fake by the connections that are open.
struct CloudRunFake::Door : std::enable_shared_from_this<Door> {
    Door(asio::io_context& io, CloudRunFake& fake)
        : owner(&fake), acceptor(io, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0)) {}
    CloudRunFake* owner;
    tcp::acceptor acceptor;
};

namespace {

constexpr auto k_tuple = asio::as_tuple(asio::use_awaitable);

std::string_view what_of(const std::string& method, std::string_view path) {
    if (path.starts_with("/computeMetadata/")) {
        return "token";
    }
    if (path.starts_with("/_fake/")) {
        return "control";
    }
    if (method == "PATCH") {
        return "patch";
    }
    return path.find("/operations/") != std::string_view::npos  ? "operation"
           : path.find("/revisions/") != std::string_view::npos ? "revision"
                                                                : "service";
}

std::string head_of(const CloudRunFake::Reply& reply) {
    std::string out = fmt::format("HTTP/1.1 {} Told\r\nconnection: close\r\n", reply.status);
    out += fmt::format("content-type: {}\r\ncontent-length: {}\r\n", reply.type, reply.body.size());
    for (const auto& [name, value] : reply.headers) {
        out += fmt::format("{}: {}\r\n", name, value);
    }
    return out + "\r\n";
}

std::optional<CloudRunFake::Call> parse_head(std::string_view head) {
    CloudRunFake::Call call;
    auto end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    const auto space = line.find(' ');
    const auto last = line.rfind(' ');
    if (space == std::string_view::npos || last <= space) {
        return std::nullopt;
    }
    call.method = line.substr(0, space);
    call.target = line.substr(space + 1, last - space - 1);
    while (end != std::string_view::npos) {
        head = head.substr(end + 2);
        end = head.find("\r\n");
        const std::string_view field = head.substr(0, end);
        const auto colon = field.find(':');
        if (colon != std::string_view::npos) {
            call.headers[to_lower(field.substr(0, colon))] = trim(field.substr(colon + 1));
        }
    }
    return call;
}

Task<std::optional<CloudRunFake::Call>> read_call(std::shared_ptr<tcp::socket> socket) {
    std::string bytes;
    const auto [error, size] = co_await asio::async_read_until(
        *socket, asio::dynamic_buffer(bytes, 1U << 20U), "\r\n\r\n", k_tuple
    );
    if (error) {
        co_return std::nullopt;
    }
    auto call = parse_head(std::string_view(bytes).substr(0, size - 2));
    if (!call) {
        co_return std::nullopt;
    }
    call->body = bytes.substr(size);
    const std::string length = call->header("content-length");
    std::size_t want = 0;
    std::from_chars(length.data(), length.data() + length.size(), want);
    if (call->body.size() < want) {
        std::string rest(want - call->body.size(), '\0');
        const auto [broken, got] = co_await asio::async_read(*socket, asio::buffer(rest), k_tuple);
        if (broken) {
            co_return std::nullopt;
        }
        call->body += rest;
    }
    co_return call;
}

Task<void> wait_for_leave(std::shared_ptr<tcp::socket> socket) {
    std::array<char, 64> rest{};
    while (true) {
        const auto [error, got] = co_await socket->async_read_some(asio::buffer(rest), k_tuple);
        if (error) {
            co_return;
        }
    }
}

Task<void> send(std::shared_ptr<tcp::socket> socket, CloudRunFake::Reply reply) {
    if (reply.end == Fault::End::drop) {
        socket->set_option(asio::socket_base::linger(true, 0)); // a reset, not a polite end
        socket->close();
        co_return;
    }
    if (reply.end == Fault::End::hang) {
        co_await wait_for_leave(socket);
        co_return;
    }
    std::string bytes = head_of(reply) + reply.body;
    if (reply.end == Fault::End::half) {
        bytes.resize(bytes.size() - reply.body.size() / 2 - 1);
    }
    (void)co_await asio::async_write(*socket, asio::buffer(bytes), k_tuple);
    boost::system::error_code ignored;
    socket->shutdown(tcp::socket::shutdown_send, ignored);
    co_await wait_for_leave(socket);
}

} // namespace

CloudRunFake::CloudRunFake(asio::io_context& io, CloudRunModel::Place place)
    : model(std::move(place)), door_(std::make_shared<Door>(io, *this)) {
    const auto serve = [](std::shared_ptr<Door> door,
                          std::shared_ptr<tcp::socket> socket) -> Task<void> {
        const auto call = co_await read_call(socket);
        if (call && door->owner != nullptr) {
            Reply reply = door->owner->answer(*call);
            co_await send(socket, std::move(reply));
        }
    };
    const auto accept = [](std::shared_ptr<Door> door, auto each) -> Task<void> {
        while (door->acceptor.is_open()) {
            auto [error, peer] = co_await door->acceptor.async_accept(k_tuple);
            if (!error) {
                auto socket = std::make_shared<tcp::socket>(std::move(peer));
                asio::co_spawn(socket->get_executor(), each(door, socket), asio::detached);
            }
        }
    };
    asio::co_spawn(io, accept(door_, serve), asio::detached);
}

CloudRunFake::~CloudRunFake() {
    door_->owner = nullptr;
    boost::system::error_code ignored;
    door_->acceptor.close(ignored);
}

std::string CloudRunFake::url() const {
    return fmt::format("http://127.0.0.1:{}", door_->acceptor.local_endpoint().port());
}

int CloudRunFake::count(std::string_view what) const {
    return static_cast<int>(std::ranges::count_if(seen, [&](const Seen& one) {
        return what == "any" || one.what == what || (what == "get" && one.method == "GET");
    }));
}

Fault* CloudRunFake::fault_for(std::string_view what) {
    for (Fault& fault : faults) {
        const bool get = fault.on == "get" && what != "patch" && what != "token";
        const bool fits = (fault.on == "any" && what != "token") || fault.on == what || get;
        if (!fits || fault.times == 0) {
            continue;
        }
        if (fault.skip > 0) {
            --fault.skip;
            continue;
        }
        fault.times -= fault.times > 0 ? 1 : 0;
        return &fault;
    }
    return nullptr;
}

CloudRunFake::Reply CloudRunFake::token(const Call& call) {
    if (call.header("metadata-flavor") != "Google") {
        return {403, "Missing required header", "text/plain"};
    }
    const Json body = {
        {"access_token", next_token}, {"expires_in", expires_in}, {"token_type", "Bearer"}
    };
    return {200, dump_json(body), "application/json", {{"metadata-flavor", "Google"}}};
}

CloudRunFake::Reply CloudRunFake::honest(const Call& call, std::string_view what) {
    if (what == "token") {
        return token(call);
    }
    const std::string auth = call.header("authorization");
    if (!auth.starts_with("Bearer ") || !tokens.contains(auth.substr(7))) {
        const Json body = {
            {"error",
             {{"code", 401},
              {"message", "Request had invalid authentication credentials."},
              {"status", "UNAUTHENTICATED"}}}
        };
        return {401, dump_json(body), "application/json", {{"www-authenticate", "Bearer"}}};
    }
    const std::string path = call.path();
    if (!path.starts_with("/v2/")) {
        return {404, "<!DOCTYPE html><title>Error 404 (Not Found)</title>", "text/html"};
    }
    const std::string rest = path.substr(4);
    ApiAnswer answer;
    if (call.method == "GET") {
        answer = model.get(rest);
    } else if (call.method == "PATCH") {
        answer = model.patch(rest, call.query(), call.body);
    } else {
        model.violate("unexpected " + call.method);
        answer.status = 405;
    }
    return {answer.status, dump_json(answer.body)};
}

CloudRunFake::Reply CloudRunFake::answer(const Call& call) {
    const std::string path = call.path();
    const std::string_view what = what_of(call.method, path);
    if (what == "control") {
        const auto in = parse_json(call.body);
        const auto out = control(call.method, path.substr(7), in.value_or(Json::object()));
        return {out.status, dump_json(out.body)};
    }
    for (const std::string& secret : tokens) {
        if (call.target.find(secret) != std::string::npos) {
            model.violate("a token in the URL");
        }
    }
    Fault* fault = fault_for(what);
    if (fault != nullptr && fault->then_operator >= 0) {
        model.operator_splits(fault->then_operator);
    }
    const bool acts = fault == nullptr || (fault->status == 0 && fault->end == Fault::End::half) ||
                      (fault->then_operator >= 0 && fault->status == 0) || fault->apply;
    Reply reply = acts ? honest(call, what) : Reply{};
    if (fault != nullptr && fault->status != 0) {
        reply.status = fault->status;
        reply.body = fault->body;
        reply.type = fault->type;
        reply.headers = fault->headers;
    }
    if (fault != nullptr) {
        reply.end = fault->end;
    }
    const bool answered = reply.end == Fault::End::whole;
    seen.push_back(
        {call.method, std::string(what), call.target, answered ? reply.status : 0, call.body}
    );
    return reply;
}

} // namespace oa_stream::traffic::testing
