// A front door between backends made here and a client, all in one thread.
#pragma once

#include "oa_stream/net/http_client.hpp"
#include "oa_stream/net/http_server.hpp"
#include "oa_stream/traffic/front.hpp"

#include "run_task.hpp"
#include "temp_folder.hpp"

#include <boost/asio/io_context.hpp>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace oa_stream::traffic::testing {

/// Answers every request with its own name, or as told.
class FakeBackend {
public:
    FakeBackend(const asio::any_io_executor& executor, std::string name);
    [[nodiscard]] std::string url() const;

    std::string name;
    std::vector<net::Request> seen;
    /// Replaces the default answer.
    std::function<Task<void>(std::shared_ptr<net::Exchange>)> answer{};
    /// Answers nothing from now on: `held` is the newest request.
    void hold(std::shared_ptr<net::Exchange>& held);

private:
    Task<void> handle(std::shared_ptr<net::Exchange> exchange);
    std::unique_ptr<net::HttpServer> server_;
};

class Rig {
public:
    explicit Rig(
        std::map<std::string, std::uint32_t, std::less<>> weights = {{"stable", 95}, {"canary", 5}},
        HealthOptions health = {},
        Balance balance = Balance::weights,
        MirrorOptions mirror = {} ///< with a name: of `copies`
    );
    ~Rig();
    Rig(const Rig&) = delete;
    Rig& operator=(const Rig&) = delete;

    template <class T> T get(Task<T> task) { return test::run_task(io, std::move(task)); }
    void run_until(const std::function<bool()>& ready) { test::run_until(io, ready); }
    net::ClientResponse ask(net::ClientRequest request);
    /// Another front door in place of the first, at an address of its own.
    void reopen(FrontOptions options);
    net::ClientResponse post(std::string_view path, std::string body, net::Headers headers = {});
    /// Posts without waiting for the answer.
    std::shared_ptr<net::Transfer> start_post(std::string_view path, std::string body);
    net::ClientResponse get_path(std::string_view path, net::Headers headers = {});
    net::ClientResponse
    admin(std::string method, std::string path, std::string body = {}, net::Headers headers = {});
    [[nodiscard]] std::string front_url() const;
    [[nodiscard]] std::uint64_t counter(std::string_view backend, std::string_view key) const;
    /// PUT /weights with the current etag.
    void weigh(std::uint32_t stable, std::uint32_t canary);

    std::vector<std::string> notes; ///< of the front door

    asio::io_context io;
    test::TempFolder own{};
    std::filesystem::path folder = own.path;
    std::unique_ptr<net::HttpClient> client;
    FakeBackend stable;
    FakeBackend canary;
    FakeBackend copies;
    std::unique_ptr<Front> front;
};

} // namespace oa_stream::traffic::testing
