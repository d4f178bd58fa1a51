#include "serve_listeners.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/net/body_budget.hpp"
#include "oa_stream/net/tls.hpp"

#include <fmt/format.h>

#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

namespace oa_stream::cli {

namespace {

/// Descriptors held back so that logs can be reopened, the id map written and a child restarted
/// whatever clients do.
constexpr std::size_t k_own = 24;
constexpr std::size_t k_per_child = 8;
constexpr Millis k_answer_look{5};

std::size_t open_descriptors() {
    std::error_code error;
    std::size_t count = 0;
    for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; !error && at != end;
         at.increment(error)) {
        ++count;
    }
    return count;
}

/// The number for which `each` descriptors are available, in addition to `others`.
std::size_t fitting(std::size_t wanted, std::size_t others, std::size_t each) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return wanted;
    }
    const auto taken = open_descriptors() + k_own + others;
    const auto most = static_cast<std::size_t>(limit.rlim_cur);
    return std::clamp<std::size_t>(most > taken ? (most - taken) / each : 1, 1, wanted);
}

} // namespace

const net::Endpoint* ListenerOptions::exposed() const noexcept {
    return find_if_or_null(endpoints, std::not_fn(&net::Endpoint::loopback));
}

Result<void> ListenerOptions::check_certificate() const {
    if (!certificate.empty()) {
        OA_CHECK(net::TlsIdentity::load(certificate, key));
    }
    return {};
}

Result<net::Endpoint> read_endpoint(std::string_view text) {
    const auto endpoint = net::parse_endpoint(text);
    if (!endpoint) {
        return fail(
            Code::usage,
            fmt::format("'{}' is not HOST:PORT or unix:/PATH", printable(text)),
            {},
            "like 127.0.0.1:8080"
        );
    }
    return *endpoint;
}

Result<unsigned> read_mode(std::string_view text) {
    unsigned mode = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
    const bool whole = error == std::errc{} && end == text.data() + text.size();
    if (!whole || mode > 0777U || (mode & 0600U) != 0600U) {
        return fail(
            Code::usage,
            fmt::format("'{}' is not a mode of a socket", printable(text, 20)),
            {},
            "octal, such as 0660"
        );
    }
    return mode;
}

Result<void> ListenerOptions::check_pair() const {
    if (certificate.empty() != key.empty()) {
        return fail(
            Code::usage,
            "a certificate and its key go together",
            std::string(key.empty() ? names::tls_key : names::tls_cert)
        );
    }
    return {};
}

Result<std::unique_ptr<Listeners>> Listeners::open(
    const asio::any_io_executor& executor,
    const ListenerOptions& options,
    const net::Handler& handler,
    const net::ErrorPage& error_page
) {
    auto listeners = std::make_unique<Listeners>();
    if (!options.certificate.empty()) {
        OA_TRY(listeners->tls_, net::TlsIdentity::load(options.certificate, options.key));
    }
    const auto budget =
        std::make_shared<net::BodyBudget>(options.total_bodies, options.total_requests);
    for (const auto& endpoint : options.endpoints) {
        net::ListenOptions how{
            .tls = nullptr,
            .unix_mode = options.unix_mode,
            .hand_over = net::HandOver::head,
            .budget = budget
        };
        if (endpoint.unix_path.empty()) {
            how.tls = listeners->tls_;
        }
        OA_TRY(
            auto server,
            net::HttpServer::listen(
                executor, endpoint, options.limits, handler, error_page, std::move(how)
            )
        );
        listeners->servers_.push_back(std::move(server));
    }
    return listeners;
}

std::vector<std::string> Listeners::urls() const {
    std::vector<std::string> urls;
    for (const auto& server : servers_) {
        const auto endpoint = server->endpoint();
        const auto* const scheme =
            endpoint.unix_path.empty() ? (tls_ ? "https://" : "http://") : "";
        urls.push_back(scheme + endpoint.text());
    }
    return urls;
}

Result<void> Listeners::reload() {
    return tls_ ? tls_->reload() : Result<void>{};
}

void Listeners::stop_accepting() {
    for (const auto& server : servers_) {
        server->stop_accepting();
    }
}

void Listeners::tell_certificate(Log& log) const {
    if (!tls_) {
        return;
    }
    if (const std::string why = tls_->refusal(); !why.empty()) {
        log.note(LogLevel::warn, "certificate", tls_->text() + ": " + why + ", clients refuse it");
    } else {
        log.note(LogLevel::info, "certificate", tls_->text());
    }
}

Task<void> Listeners::finish_answers(Millis limit) {
    const auto until = Clock::now() + limit;
    const auto answering = [](const auto& server) { return server->answering() > 0; };
    while (std::ranges::any_of(servers_, answering) && Clock::now() < until) {
        co_await sleep_for(k_answer_look);
    }
}

void Listeners::close() {
    for (const auto& server : servers_) {
        server->close();
    }
}

std::size_t fitting_connections(std::size_t wanted, std::size_t children) {
    return fitting(wanted, children * k_per_child, 1);
}

std::size_t fitting_clients(std::size_t wanted, std::size_t others) {
    return fitting(wanted, others, 2);
}

} // namespace oa_stream::cli
