#include "oa_stream/traffic/front.hpp"

#include "front_core.hpp"

#include <fmt/format.h>

#include <set>

namespace oa_stream::traffic {
namespace {

constexpr auto k_drain_poll = Millis{20};
/// The longest chat that a lane accepts by default: one with old files (--limit resend).
constexpr std::size_t k_longest_body = 64U << 20U;
/// For all requests being received, and for all that wait for the head of their answer.
constexpr std::size_t k_all_bodies = 256U << 20U;

net::Response refusal_of(const Error& error) {
    if (error.code != Code::unavailable) {
        return json_error(400, "unknown_revision", error.message);
    }
    return unavailable("no_revision_ready", error.message);
}

net::Response unread(const Error& error) {
    switch (error.code) {
    case Code::too_large:
        return json_error(413, "request_too_large", "the request body is too large");
    case Code::unavailable:
        return unavailable("service_unavailable", error.message);
    case Code::timeout:
        return json_error(408, "bad_request", error.message);
    default:
        return json_error(400, "bad_request", error.message);
    }
}

Task<void> handle(CorePtr core, std::shared_ptr<net::Exchange> exchange) {
    const net::Request& request = exchange->request();
    std::optional<net::Response> refusal;
    if (!request.target.starts_with('/')) {
        refusal = json_error(400, "bad_target", "the request target must be a path");
    } else if (auto read = co_await exchange->read_body(); !read) {
        refusal = unread(read.error());
    }
    if (refusal) {
        (void)co_await exchange->respond(*std::move(refusal));
        co_return;
    }
    auto route = core->route(request);
    if (!route) {
        (void)co_await exchange->respond(refusal_of(route.error()));
        co_return;
    }
    co_await relay(std::move(core), *std::move(route), std::move(exchange));
}

net::Response error_page(const net::RefusedRequest& refused) {
    return json_error(refused.status, "bad_request", refused.reason);
}

Result<void> validate(const FrontOptions& options) {
    std::set<std::string, std::less<>> names;
    std::set<std::string_view> addresses;
    for (const Backend& backend : options.backends) {
        names.insert(backend.name);
        if (!addresses.insert(backend.url).second) {
            return fail(Code::usage, fmt::format("backend {} is given twice", backend.url));
        }
    }
    std::uint64_t sum = 0;
    for (const auto& [name, weight] : options.weights) {
        if (!names.contains(name)) {
            return fail(Code::usage, fmt::format("a weight names no backend: '{}'", name));
        }
        sum += weight;
    }
    if (names.empty() || sum == 0) {
        return fail(
            Code::usage,
            names.empty() ? "at least one backend is needed" : "one weight must be above 0"
        );
    }
    return {};
}

class RealFront final : public Front {
public:
    RealFront(
        CorePtr core, std::unique_ptr<net::HttpServer> door, std::unique_ptr<net::HttpServer> admin
    )
        : core_(std::move(core)), door_(std::move(door)), admin_(std::move(admin)) {}
    RealFront(const RealFront&) = delete;
    RealFront& operator=(const RealFront&) = delete;
    ~RealFront() override { cut(); }

    [[nodiscard]] net::Endpoint endpoint() const override { return door_->endpoint(); }
    [[nodiscard]] Json state() const override { return core_->state(); }
    [[nodiscard]] std::size_t active() const override { return core_->active(); }
    [[nodiscard]] std::string mirror_summary() const override {
        return core_->mirror ? core_->mirror->summary() : std::string();
    }
    [[nodiscard]] Task<void> drain(Millis limit) override {
        core_->draining = true;
        door_->stop_accepting();
        const auto deadline = Clock::now() + limit;
        // A request that is still being received is only known to the door.
        while ((core_->active() > 0 || door_->answering() > 0) && Clock::now() < deadline) {
            if (!co_await sleep_for(k_drain_poll)) {
                co_return;
            }
        }
    }
    void close() override { cut(); }

private:
    void cut() {
        core_->closed = true;
        for (const auto& watch : core_->watches) {
            watch->notify();
        }
        if (core_->mirror) {
            core_->mirror->close();
        }
        door_->close();
        if (admin_) {
            admin_->close();
        }
    }
    CorePtr core_;
    std::unique_ptr<net::HttpServer> door_;
    std::unique_ptr<net::HttpServer> admin_;
};

} // namespace

Result<std::unique_ptr<Front>>
Front::start(const asio::any_io_executor& executor, FrontOptions options) {
    OA_CHECK(validate(options));
    auto core = std::make_shared<FrontCore>(executor, std::move(options));
    net::Handler handler = [core](std::shared_ptr<net::Exchange> exchange) {
        return handle(core, std::move(exchange));
    };
    OA_TRY(
        auto door,
        net::HttpServer::listen(
            executor,
            core->options.listen,
            {.body_bytes = k_longest_body, .connections = core->options.connections},
            std::move(handler),
            error_page,
            {.hand_over = net::HandOver::head,
             .budget = std::make_shared<net::BodyBudget>(k_all_bodies, k_all_bodies)}
        )
    );
    std::unique_ptr<net::HttpServer> admin;
    if (!core->options.admin_socket.empty()) {
        const net::Endpoint endpoint{
            .host = {}, .port = 0, .unix_path = core->options.admin_socket
        };
        OA_TRY(
            admin, net::HttpServer::listen(executor, endpoint, {}, admin_handler(core), error_page)
        );
    }
    start_health_checks(core);
    return std::make_unique<RealFront>(std::move(core), std::move(door), std::move(admin));
}

} // namespace oa_stream::traffic
