#include "oa_stream/base/url.hpp"

#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <array>

namespace oa_stream {

std::string percent_encode(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool plain = is_alnum(c) || std::string_view("-._~").contains(c);
        out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

namespace {

/// Of "http://user@host:port/path": "user@host:port".
std::string_view authority_of(std::string_view url) {
    if (const std::size_t scheme = url.find("://"); scheme != std::string_view::npos) {
        url.remove_prefix(scheme + 3);
    }
    return url.substr(0, url.find_first_of("/?#"));
}

} // namespace

std::string host_of(std::string_view url) {
    url = authority_of(url);
    if (const std::size_t user = url.rfind('@'); user != std::string_view::npos) {
        url.remove_prefix(user + 1);
    }
    if (url.starts_with('[')) {
        return std::string(url.substr(1, std::min(url.find(']'), url.size()) - 1));
    }
    return std::string(url.substr(0, url.find(':')));
}

std::string_view url_fault(std::string_view url) {
    const auto odd = [](unsigned char c) { return c <= ' ' || c == 0x7f; };
    const auto foreign = [](unsigned char c) { return c >= 0x80; };
    if (std::ranges::any_of(url, odd)) {
        return "a URL holds no blanks and no control characters";
    }
    std::string_view place = authority_of(url);
    if (const std::size_t user = place.rfind('@'); user != std::string_view::npos) {
        place.remove_prefix(user + 1);
    }
    if (std::ranges::any_of(place, foreign)) {
        return "a host with letters beyond ASCII is written as DNS has it: xn--…";
    }
    const bool bracket = place.starts_with('[');
    const std::size_t end = bracket ? place.find(']') : std::min(place.find(':'), place.size());
    const bool bare_six = !bracket && std::ranges::count(place, ':') > 1;
    if (bare_six || end == std::string_view::npos || (bracket && end == 1)) {
        return "an IPv6 address stands in brackets: http://[::1]:8080";
    }
    if (end == 0) {
        return "the URL has no host";
    }
    const std::string_view port = place.substr(bracket ? end + 1 : end);
    constexpr std::uint64_t k_last_port = 65535;
    if (!port.empty() && (!port.starts_with(':') || !parse_count(port.substr(1), 1, k_last_port))) {
        return "a port is a number from 1 to 65535";
    }
    return {};
}

Result<std::string> http_url(std::string_view text) {
    const auto wrong = [](std::string message) {
        return fail(Code::usage, std::move(message), {}, "like http://127.0.0.1:8080");
    };
    if (has_credentials(text)) { // first: they are not to be printed
        return fail(
            Code::usage,
            "credentials in a URL are readable by every local process",
            {},
            "give a token as env:NAME, file:PATH or fd:N"
        );
    }
    const std::size_t end = text.find("://");
    const std::string scheme = to_lower(text.substr(0, end));
    if (end == std::string_view::npos || (scheme != "http" && scheme != "https")) {
        return wrong(fmt::format("'{}' is not an http or https URL", printable(text, 80)));
    }
    if (const auto fault = url_fault(text); !fault.empty()) {
        return wrong(std::string(fault));
    }
    if (text.find_first_of("?#") != std::string_view::npos) {
        return wrong("the URL has a query or fragment");
    }
    while (text.ends_with('/')) {
        text.remove_suffix(1);
    }
    return scheme + std::string(text.substr(end));
}

std::string base_path_advice(std::string_view base_url) {
    constexpr std::size_t k_shown = 60;
    const std::size_t scheme = base_url.find("://");
    const std::size_t host = scheme == std::string_view::npos ? 0 : scheme + 3;
    const std::size_t path = base_url.find('/', host);
    if (path == std::string_view::npos) {
        return {};
    }
    return fmt::format(
        "; the base URL has the path {}, and requests add their own: try {}",
        printable(base_url.substr(path), k_shown),
        printable(base_url.substr(0, path))
    );
}

std::string socket_path_fault(std::string_view path) {
    constexpr std::size_t k_longest = sizeof(sockaddr_un::sun_path) - 1; // it ends with a zero
    return path.size() <= k_longest
               ? std::string()
               : fmt::format(
                     "a socket's path has at most {} bytes, this one {}", k_longest, path.size()
                 );
}

bool has_credentials(std::string_view url) {
    return authority_of(url).contains('@');
}

bool is_loopback(std::string_view host) {
    if (iequals(host, "localhost")) {
        return true;
    }
    const std::string name(host);
    in_addr v4{};
    if (::inet_pton(AF_INET, name.c_str(), &v4) == 1) {
        return (ntohl(v4.s_addr) >> 24U) == 127U;
    }
    in6_addr v6{};
    if (::inet_pton(AF_INET6, name.c_str(), &v6) != 1) {
        return false;
    }
    return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127U);
}

namespace {

/// The other addresses of 127.0.0.0/8 may have listeners of their own.
std::string one_name(const std::string& host) {
    in6_addr v6{};
    if (::inet_pton(AF_INET6, host.c_str(), &v6) != 1) {
        return iequals(host, "localhost") ? "127.0.0.1" : to_lower(host);
    }
    if (IN6_IS_ADDR_LOOPBACK(&v6)) {
        return "127.0.0.1";
    }
    std::array<char, INET6_ADDRSTRLEN> text{};
    return IN6_IS_ADDR_V4MAPPED(&v6)
               ? ::inet_ntop(AF_INET, &v6.s6_addr[12], text.data(), text.size())
               : ::inet_ntop(AF_INET6, &v6, text.data(), text.size());
}

/// "127.0.0.1:8080/path"
std::string place_of(std::string_view url) {
    const std::string_view place = authority_of(url);
    const std::size_t colon = place.ends_with(']') ? std::string_view::npos : place.rfind(':');
    const std::string_view usual = url.starts_with("https:") ? "443" : "80";
    const std::string_view port = colon == std::string_view::npos ? usual : place.substr(colon + 1);
    const std::size_t path = url.find('/', url.find("://") + 3);
    return fmt::format(
        "{}:{}{}", one_name(host_of(url)), port, url.substr(std::min(path, url.size()))
    );
}

} // namespace

bool same_place(std::string_view a, std::string_view b) {
    return place_of(a) == place_of(b);
}

} // namespace oa_stream
