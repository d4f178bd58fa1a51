// HTTP vocabulary shared by server and client.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::net {

/// Header fields in order; names are compared case-insensitively.
class Headers {
public:
    Headers() = default;
    Headers(std::initializer_list<std::pair<std::string, std::string>> list) : list_(list) {}
    void add(std::string name, std::string value);
    void set(std::string name, std::string value); ///< replaces all fields of that name
    void set_all(const Headers& more); ///< calls set() for each field
    void remove(std::string_view name);
    [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept;
    [[nodiscard]] bool has(std::string_view name) const noexcept { return get(name).has_value(); }
    [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& all() const noexcept {
        return list_;
    }

private:
    std::vector<std::pair<std::string, std::string>> list_;
};

/// "host:port", "[::1]:port" or "unix:/path".
struct Endpoint {
    std::string host;
    std::uint16_t port = 0;
    std::string unix_path{};
    [[nodiscard]] std::string text() const;
    [[nodiscard]] bool loopback() const noexcept;
};
[[nodiscard]] std::optional<Endpoint> parse_endpoint(std::string_view text);

} // namespace oa_stream::net
