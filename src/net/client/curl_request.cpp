// Translates a ClientRequest into libcurl options.
#include "oa_stream/base/text.hpp"
#include "oa_stream/net/client_certificate.hpp"

#include "curl_transfer.hpp"
#include "head_words.hpp"

#include <fmt/format.h>

#include <strings.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

namespace oa_stream::net {

namespace {

struct ClientCertificate {
    std::string certificate;
    std::string key;
};
ClientCertificate& client_certificate() {
    static ClientCertificate of_this_process;
    return of_this_process;
}

/// libcurl silently sends a request again when a pooled connection turns out to be dead. A request
/// that changes something at the other end therefore never starts on a pooled connection.
bool repeatable(std::string_view method) noexcept {
    return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

/// Our own timeouts end a transfer just before this one of libcurl. libcurl needs it to skip an
/// address that drops packets: each of several addresses gets half of the remaining time.
long connect_patience(Millis ours) noexcept {
    constexpr long k_longest = std::numeric_limits<int>::max();
    constexpr long k_behind = 100;
    return ours <= Millis::zero() ? k_longest
                                  : std::min<long>(ours.count(), k_longest - k_behind) + k_behind;
}

} // namespace

HeaderLines::~HeaderLines() {
    for (auto* line = list_; line != nullptr; line = line->next) {
        ::explicit_bzero(line->data, std::strlen(line->data));
    }
    curl_slist_free_all(list_);
}

void HeaderLines::add(const std::string& line) {
    if (auto* const longer = curl_slist_append(list_, line.c_str())) {
        list_ = longer;
    }
}

bool CurlTransfer::configure() {
    if (!is_token(request_.method)) {
        return stop_with(TransferFailure::malformed, "the request's method is not a word");
    }
    curl_easy_setopt(easy_, CURLOPT_PRIVATE, this);
    curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_.data());
    curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy_, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy_, CURLOPT_PROXY, ""); // ignores the environment's proxies
    curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
    curl_easy_setopt(easy_, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy_, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy_, CURLOPT_USERAGENT, request_.relayed ? nullptr : "oa-stream");
    // Without it, cancelling during a name lookup blocks the whole thread until the lookup ends.
    curl_easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, connect_patience(request_.connect_timeout));
    curl_easy_setopt(easy_, CURLOPT_URL, request_.url.c_str());
    curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &CurlTransfer::on_header);
    curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &CurlTransfer::on_body);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(easy_, CURLOPT_PREREQFUNCTION, &CurlTransfer::on_connected);
    curl_easy_setopt(easy_, CURLOPT_PREREQDATA, this);
    curl_easy_setopt(easy_, CURLOPT_SSL_CTX_FUNCTION, &CurlTransfer::on_handshake);
    curl_easy_setopt(easy_, CURLOPT_SSL_CTX_DATA, this);
    configure_route();
    configure_body();
    return configure_headers();
}

void CurlTransfer::configure_route() {
    if (!request_.unix_socket.empty()) {
        curl_easy_setopt(easy_, CURLOPT_UNIX_SOCKET_PATH, request_.unix_socket.c_str());
    }
    if (!request_.connect_to.empty()) {
        route_.add("::" + request_.connect_to); // for any host and port of the URL
        curl_easy_setopt(easy_, CURLOPT_CONNECT_TO, route_.get());
    }
    if (!repeatable(request_.method)) {
        curl_easy_setopt(easy_, CURLOPT_FRESH_CONNECT, 1L);
    }
    if (request_.fresh_connection) {
        curl_easy_setopt(easy_, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(easy_, CURLOPT_FORBID_REUSE, 1L);
    }
    configure_trust();
}

/// The variables are OpenSSL's; libcurl has its own defaults and leaves these to its callers.
void CurlTransfer::configure_trust() {
    const auto variable = [](const char* name) {
        const char* value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): nothing sets it
        return std::string(value == nullptr ? "" : value);
    };
    const bool own = !request_.ca_file.empty();
    const std::string file = own ? request_.ca_file : variable("SSL_CERT_FILE");
    const std::string folder = own ? "" : variable("SSL_CERT_DIR");
    if (!file.empty()) {
        curl_easy_setopt(easy_, CURLOPT_CAINFO, file.c_str());
    }
    if (!folder.empty()) {
        curl_easy_setopt(easy_, CURLOPT_CAPATH, folder.c_str());
    }
    const bool shows = !request_.cert_file.empty();
    const auto [certificate, key] =
        shows ? ClientCertificate{request_.cert_file, request_.key_file} : client_certificate();
    if (!certificate.empty()) {
        curl_easy_setopt(easy_, CURLOPT_SSLCERT, certificate.c_str());
        curl_easy_setopt(easy_, CURLOPT_SSLKEY, (key.empty() ? certificate : key).c_str());
    }
}

void CurlTransfer::configure_body() {
    if (request_.method == "HEAD") {
        curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
        return;
    }
    if (!body().empty() || request_.method == "POST") {
        curl_easy_setopt(
            easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body().size())
        );
        curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, body().data());
    }
    if (request_.method != "GET" || !body().empty()) {
        curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    }
}

void CurlTransfer::drop_body() {
    request_.shared_body.reset();
    std::string().swap(request_.body); // assigning would keep the memory
}

bool CurlTransfer::configure_headers() {
    lines_.add("Expect:"); // otherwise libcurl waits a second for an interim answer
    if (!request_.headers.has("content-type")) {
        lines_.add("Content-Type:"); // otherwise libcurl labels every body as a form
    }
    if (request_.relayed && !request_.headers.has("accept")) {
        lines_.add("Accept:"); // otherwise libcurl adds one
    }
    for (const auto& [name, value] : request_.headers.all()) {
        if (!add_field(name, value)) {
            return false;
        }
    }
    if (!request_.bearer.empty()) {
        std::string value = "Bearer ";
        value.reserve(value.size() + request_.bearer.reveal().size());
        value += request_.bearer.reveal();
        const bool added = add_field("Authorization", value);
        ::explicit_bzero(value.data(), value.size());
        if (!added) {
            return false;
        }
    }
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, lines_.get());
    return true;
}

bool CurlTransfer::add_field(const std::string& name, const std::string& value) {
    const bool named = !name.empty() && name.find_first_of(": \t;") == std::string::npos;
    if (!named || !is_one_line(name) || !is_one_line(value)) {
        return stop_with(
            TransferFailure::malformed,
            fmt::format("the request's header {} is not one line", printable(name, 40))
        );
    }
    // For an empty field libcurl expects a semicolon; a bare colon removes the field.
    std::string line = name;
    line.reserve(name.size() + value.size() + 3);
    line.append(value.empty() ? ";" : ": ").append(value);
    lines_.add(line);
    ::explicit_bzero(line.data(), line.size());
    return true;
}

void set_client_certificate(std::string certificate, std::string key) {
    client_certificate() = {std::move(certificate), std::move(key)};
}

bool has_client_certificate() noexcept {
    return !client_certificate().certificate.empty();
}

} // namespace oa_stream::net
