#include "rig.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

namespace oa_stream::traffic::testing {
namespace {

net::Response bad_page(const net::RefusedRequest& refused) {
    return {refused.status, {}, std::string(refused.reason)};
}

} // namespace

FakeBackend::FakeBackend(const asio::any_io_executor& executor, std::string given)
    : name(std::move(given)) {
    auto server = net::HttpServer::listen(
        executor,
        {"127.0.0.1", 0},
        {},
        [this](std::shared_ptr<net::Exchange> exchange) { return handle(std::move(exchange)); },
        bad_page
    );
    REQUIRE(server.has_value());
    server_ = *std::move(server);
}

std::string FakeBackend::url() const {
    return "http://" + server_->endpoint().text();
}

Task<void> FakeBackend::handle(std::shared_ptr<net::Exchange> exchange) {
    seen.push_back(exchange->request());
    if (answer) {
        co_await answer(std::move(exchange));
        co_return;
    }
    (void)co_await exchange->respond({200, {{"content-type", "text/plain"}}, name});
}

void FakeBackend::hold(std::shared_ptr<net::Exchange>& held) {
    answer = [&held](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
        held = std::move(exchange);
        co_return;
    };
}

Rig::Rig(
    std::map<std::string, std::uint32_t, std::less<>> weights,
    HealthOptions health,
    Balance balance,
    MirrorOptions mirror
)
    : client(net::HttpClient::make(io.get_executor())), stable(io.get_executor(), "stable"),
      canary(io.get_executor(), "canary"), copies(io.get_executor(), "copies") {
    FrontOptions options;
    options.admin_socket = (folder / "admin.sock").string();
    options.backends = {{"stable", stable.url()}, {"canary", canary.url()}};
    options.weights = std::move(weights);
    options.health = std::move(health);
    options.balance = balance;
    options.mirror = std::move(mirror);
    options.mirror.url = copies.url();
    options.note = [this](std::string_view line) { notes.emplace_back(line); };
    reopen(std::move(options));
}

Rig::~Rig() {
    front->close();
}

void Rig::reopen(FrontOptions options) {
    options.listen = {"127.0.0.1", 0};
    auto started = Front::start(io.get_executor(), std::move(options));
    REQUIRE(started.has_value());
    front = *std::move(started);
}

net::ClientResponse Rig::ask(net::ClientRequest request) {
    return get(client->fetch(std::move(request)));
}

std::shared_ptr<net::Transfer> Rig::start_post(std::string_view path, std::string body) {
    return client->stream(
        {.method = "POST",
         .url = front_url() + std::string(path),
         .headers = {{"content-type", "application/json"}},
         .body = std::move(body)},
        {}
    );
}

net::ClientResponse Rig::post(std::string_view path, std::string body, net::Headers headers) {
    headers.set("content-type", "application/json");
    return ask(
        {.method = "POST",
         .url = front_url() + std::string(path),
         .headers = std::move(headers),
         .body = std::move(body)}
    );
}

net::ClientResponse Rig::get_path(std::string_view path, net::Headers headers) {
    return ask({.url = front_url() + std::string(path), .headers = std::move(headers)});
}

net::ClientResponse
Rig::admin(std::string method, std::string path, std::string body, net::Headers headers) {
    net::ClientRequest request{
        .method = std::move(method),
        .url = "http://front" + path,
        .headers = std::move(headers),
        .body = std::move(body)
    };
    request.unix_socket = (folder / "admin.sock").string();
    return ask(std::move(request));
}

std::string Rig::front_url() const {
    return "http://" + front->endpoint().text();
}

std::uint64_t Rig::counter(std::string_view backend, std::string_view key) const {
    const Json state = front->state();
    for (const Json& one : state.at("backends")) {
        if (one.at("name") == backend) {
            return one.at("counters").at(std::string(key)).get<std::uint64_t>();
        }
    }
    return 0;
}

void Rig::weigh(std::uint32_t stable_weight, std::uint32_t canary_weight) {
    const auto etag = front->state().at("etag").get<std::string>();
    const auto response = admin(
        "PUT",
        "/weights",
        fmt::format(R"({{"weights":{{"stable":{},"canary":{}}}}})", stable_weight, canary_weight),
        {{"if-match", etag}}
    );
    REQUIRE(response.status == 200);
}

} // namespace oa_stream::traffic::testing
