#include "oa_stream/traffic/local_driver.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/process.hpp"
#include "oa_stream/traffic/front.hpp"

#include "local_kind.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace oa_stream::traffic {
namespace {

constexpr auto k_poll = Millis{20};

/// Weights as whole percents: 19 and 1 are 95 % and 5 %.
Result<Split> split_of(const Json& state) {
    const Json* backends = member(state, "backends");
    if (backends == nullptr || !backends->is_array()) {
        return fail(Code::protocol, "the front door's state has no backends");
    }
    std::int64_t sum = 0;
    std::string weights;
    for (const Json& backend : *backends) {
        const auto weight = int_member(backend, "weight").value_or(0);
        sum += weight;
        weights += fmt::format(
            "{}{} {}",
            weights.empty() ? "" : ", ",
            string_member(backend, "name").value_or("?"),
            weight
        );
    }
    std::map<std::string, int, std::less<>> percent;
    for (const Json& backend : *backends) {
        const auto weight = int_member(backend, "weight").value_or(0);
        const auto name = string_member(backend, "name").value_or("");
        if (sum <= 0 || weight * 100 % sum != 0) {
            return fail(
                Code::precondition, "the front door's weights are not whole percents: " + weights
            );
        }
        percent[std::string(name)] = static_cast<int>(weight * 100 / sum);
    }
    return Split::of(std::move(percent));
}

std::map<std::string, StreamCounts, std::less<>> streams_of(const Json& state) {
    std::map<std::string, StreamCounts, std::less<>> out;
    for (const Json& backend : list_in(state, "backends")) {
        const Json& counters = object_in(backend, "counters");
        const auto count = [&](std::string_view key) {
            return static_cast<std::uint64_t>(int_member(counters, key).value_or(0));
        };
        out[std::string(string_member(backend, "name").value_or(""))] = {
            count("active"), count("finished"), count("broken") + count("unreachable")
        };
    }
    return out;
}

std::string reason(const net::ClientResponse& response) {
    const auto json = parse_json(response.body);
    const auto text = json ? string_member(*json, "message") : std::nullopt;
    return text ? std::string(*text) : fmt::format("HTTP {}", response.status);
}

/// The weights behind the split: 40 and 10 are 80 % and 20 %, and must be restored as 40 and 10.
Json weights_of(const Json& state) {
    Json out = Json::object();
    for (const Json& backend : state.at("backends")) {
        out[std::string(string_member(backend, "name").value_or(""))] =
            int_member(backend, "weight").value_or(0);
    }
    return out;
}

/// A revision that `target` gives a share although it is not ready, and why; empty: none.
std::string not_ready(const Json& state, const Split& target) {
    for (const Json& backend : state.at("backends")) {
        const auto name = string_member(backend, "name").value_or("");
        if (target.percent_of(name) > 0 && !bool_member(backend, "ready").value_or(true)) {
            const auto health = string_member(backend, "health").value_or("");
            return fmt::format("{} is not ready ({})", name, health);
        }
    }
    return {};
}

/// curl reports a socket without permission like one without a listener.
std::optional<Error> not_allowed(const std::string& socket) {
    if (::faccessat(AT_FDCWD, socket.c_str(), R_OK | W_OK, AT_EACCESS) == 0 || errno != EACCES) {
        return std::nullopt;
    }
    Error out{Code::credentials, "this user may not open it", socket, "run as the user it is for"};
    struct stat facts{};
    if (::stat(socket.c_str(), &facts) == 0) {
        out.message += fmt::format(
            " (owner {}, mode {:04o})", account_name(facts.st_uid), facts.st_mode & 07777U
        );
        out.hint = fmt::format(
            "sudo -u {} oa-stream …",
            user_name(facts.st_uid).value_or(fmt::format("'#{}'", facts.st_uid))
        );
    }
    return out;
}

Code door_code(net::TransferFailure failure) {
    switch (failure) {
    case net::TransferFailure::refused:
        return Code::unavailable;
    case net::TransferFailure::too_large:
        return Code::protocol;
    case net::TransferFailure::cancelled:
        return Code::network;
    default:
        return net::code_of(failure);
    }
}

class LocalDriver final : public TrafficDriver {
public:
    LocalDriver(net::HttpClient& client, LocalDriverOptions options)
        : client_(client), options_(std::move(options)) {}

    [[nodiscard]] std::string_view kind() const noexcept override { return k_local.name; }
    [[nodiscard]] std::string target() const override {
        return fmt::format("{}:{}", kind(), canonical_path(options_.admin_socket));
    }

    [[nodiscard]] Task<Result<TrafficState>> read() override {
        const auto response = co_await client_.fetch(request("GET", "/state"));
        OA_CO_CHECK(transported(response));
        if (response.status != 200) {
            co_return fail(Code::protocol, reason(response), options_.admin_socket);
        }
        OA_CO_TRY(Json state, parse_json(response.body));
        const auto split = split_of(state);
        if (!split && split.error().code != Code::precondition) {
            co_return std::unexpected(split.error());
        }
        TrafficState out;
        out.serving = split.value_or(Split{});
        out.wanted = out.serving;
        out.etag = string_member(state, "etag").value_or("");
        out.streams = streams_of(state);
        out.exact = weights_of(state);
        // Front doors of earlier versions only have weights, and do not report it.
        exactly_ = string_member(state, "balance").value_or("weights") == "weights";
        out.process.id = string_member(state, "instance").value_or("");
        out.extra = std::move(state);
        if (!split) {
            out.extra["no_split"] = split.error().message;
        }
        co_return out;
    }

    [[nodiscard]] Task<Result<void>> preview(Split target) override {
        OA_CO_TRY(const TrafficState state, co_await read());
        for (const auto& [revision, share] : target.all()) {
            if (!state.exact.contains(revision)) {
                co_return fail(
                    Code::precondition, fmt::format("the front door has no backend '{}'", revision)
                );
            }
        }
        if (const std::string who = not_ready(state.extra, target); !who.empty()) {
            co_return fail(Code::precondition, who + ": it gets no share");
        }
        co_return Result<void>{};
    }

    [[nodiscard]] Task<Result<void>> set(Split target, std::string etag) override {
        return put_weights(target.to_json(), std::move(etag));
    }

    [[nodiscard]] Task<Result<void>> restore(Split target, Json exact, std::string etag) override {
        return put_weights(
            exact.is_object() ? std::move(exact) : target.to_json(), std::move(etag)
        );
    }

    [[nodiscard]] Task<Result<TrafficState>> verify(Split target, Millis limit) override {
        const auto lacks = [target](const TrafficState& state) {
            const std::string who = not_ready(state.extra, target);
            return who.empty() ? who : "but " + who;
        };
        return poll_until(*this, target, limit, k_poll, lacks);
    }

    [[nodiscard]] Millis patience() const noexcept override { return 2 * options_.call_timeout; }

    [[nodiscard]] bool splits_exactly() const noexcept override { return exactly_; }

    [[nodiscard]] Result<ArmAddress> address(std::string_view revision) const override {
        if (!contains(options_.revisions, revision)) {
            return fail(Code::not_found, fmt::format("no revision '{}'", revision));
        }
        return ArmAddress{
            options_.base_url, {}, {{std::string(k_pin_header), std::string(revision)}}
        };
    }

private:
    [[nodiscard]] Task<Result<void>> put_weights(Json weights, std::string etag) {
        auto call = request("PUT", "/weights");
        call.headers.add("if-match", std::move(etag));
        call.headers.add("content-type", "application/json");
        call.body = dump_json(Json{{"weights", std::move(weights)}});
        const auto response = co_await client_.fetch(std::move(call));
        OA_CO_CHECK(transported(response));
        switch (response.status) {
        case 200:
            co_return Result<void>{};
        case 412:
            co_return fail(Code::conflict, reason(response), options_.admin_socket);
        case 400:
        case 422:
        case 428:
            co_return fail(Code::precondition, reason(response), options_.admin_socket);
        default:
            co_return fail(Code::protocol, reason(response), options_.admin_socket);
        }
    }

    [[nodiscard]] net::ClientRequest request(std::string method, std::string_view path) const {
        net::ClientRequest out;
        out.method = std::move(method);
        out.url = fmt::format("http://front{}", path);
        out.unix_socket = options_.admin_socket;
        out.connect_timeout = options_.call_timeout;
        out.first_byte_timeout = options_.call_timeout;
        out.total_timeout = options_.call_timeout;
        return out;
    }
    [[nodiscard]] Result<void> transported(const net::ClientResponse& response) const {
        if (response.failure == net::TransferFailure::none) {
            return {};
        }
        // Curl's message names a port.
        const bool nobody = response.failure == net::TransferFailure::refused;
        if (auto denied = nobody ? not_allowed(options_.admin_socket) : std::nullopt) {
            return std::unexpected(*std::move(denied));
        }
        return fail(
            door_code(response.failure),
            nobody
                ? "no front door listens on this socket"
                : fmt::format(
                      "front door: {}: {}", net::to_string(response.failure), response.failure_text
                  ),
            options_.admin_socket,
            nobody
                ? Suggestion{"front", {names::admin, options_.admin_socket, std::string(k_fill_in)}}
                : Advice()
        );
    }

    net::HttpClient& client_;
    LocalDriverOptions options_;
    bool exactly_ = true; ///< whether the front door that was read last splits exactly
};

} // namespace

std::unique_ptr<TrafficDriver>
make_local_driver(net::HttpClient& client, LocalDriverOptions options) {
    return std::make_unique<LocalDriver>(client, std::move(options));
}

} // namespace oa_stream::traffic
