#include "completions_raw.hpp"

#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"
#include "oa_stream/net/byte_stream.hpp"

#include "stream/target_request.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

namespace oa_stream::probe {

namespace {

using Stream = std::shared_ptr<net::ByteStream>;
constexpr Millis k_gap{100};
constexpr std::size_t k_most_body = std::size_t{16} << 20U;
constexpr std::size_t k_status_line = 12; ///< "HTTP/1.1 200"

/// Parts of "http://host:port/prefix".
struct Place {
    net::ByteStreamTarget target{};
    std::string authority{};
    std::string prefix{};
};

Place place_of(const Target& target) {
    Place out;
    std::string_view url = target.base_url;
    out.target.secure = url.starts_with("https://");
    url.remove_prefix(url.find("://") + 3);
    const auto slash = std::min(url.find('/'), url.size());
    out.authority = url.substr(0, slash);
    out.prefix = url.substr(slash);
    out.target.host = host_of(target.base_url);
    const auto colon = out.authority.rfind(':');
    const bool port =
        colon != std::string::npos && out.authority.find(']', colon) == std::string::npos;
    out.target.port = port ? out.authority.substr(colon + 1) : out.target.secure ? "443" : "80";
    out.target.ca_file = target.ca_file;
    return out;
}

std::string head_of(const Run& run, const RawRequest& request, const Place& place) {
    const auto usual =
        target_request(run.options.target, request.method, request.path, run.options.limits);
    std::string out = fmt::format(
        "{} {}{} HTTP/{}\r\nHost: {}\r\n",
        request.method,
        place.prefix,
        request.path,
        request.version,
        place.authority
    );
    const auto put = [&](const auto& list) {
        for (const auto& [name, value] : list) {
            out += fmt::format("{}: {}\r\n", name, value);
        }
    };
    put(usual.headers.all());
    if (!usual.bearer.empty()) {
        out += fmt::format("Authorization: Bearer {}\r\n", usual.bearer.reveal());
    }
    put(request.headers);
    return out + "\r\n";
}

/// False: the peer closed, or the time limit passed.
Task<bool> read_more(Stream stream, std::string* bytes) {
    std::array<char, 16384> buffer{};
    const auto read = co_await stream->read_some(buffer);
    if (read) {
        bytes->append(buffer.data(), *read);
    }
    co_return read.has_value();
}

/// Parses and removes the first head in `bytes`.
std::optional<RawAnswer> take_head(std::string& bytes) {
    const auto end = bytes.find("\r\n\r\n");
    if (end == std::string::npos || end < k_status_line || !bytes.starts_with("HTTP/1.")) {
        return std::nullopt;
    }
    RawAnswer out;
    std::string_view head = std::string_view(bytes).substr(0, end);
    const auto line = std::min(head.find("\r\n"), head.size());
    out.status = static_cast<int>(parse_count(head.substr(9, 3), 100, 999).value_or(0));
    head.remove_prefix(line);
    while (head.starts_with("\r\n")) {
        head.remove_prefix(2);
        const auto next = std::min(head.find("\r\n"), head.size());
        const auto field = head.substr(0, next);
        const auto colon = std::min(field.find(':'), field.size());
        out.headers.add(
            std::string(field.substr(0, colon)),
            std::string(trim(field.substr(std::min(colon + 1, field.size()))))
        );
        head.remove_prefix(next);
    }
    out.kept = bytes.starts_with("HTTP/1.1") &&
               !iequals(out.headers.get("connection").value_or(""), "close");
    bytes.erase(0, end + 4);
    return out;
}

/// How much of the received bytes is the body; unset: incomplete or unknown.
std::optional<std::size_t> length_of(const RawAnswer& answer) {
    const auto size = answer.body.size();
    if (iequals(answer.headers.get("transfer-encoding").value_or(""), "chunked")) {
        return answer.body.ends_with("0\r\n\r\n") ? std::optional(size) : std::nullopt;
    }
    const auto length = parse_count(answer.headers.get("content-length").value_or(""), 0, size);
    return length ? std::optional(static_cast<std::size_t>(*length)) : std::nullopt;
}

Task<void> send_pieces(Stream stream, std::vector<std::string> pieces) {
    for (const auto& piece : pieces) {
        if (&piece != &pieces.front()) {
            (void)co_await sleep_for(k_gap);
        }
        if (!co_await stream->write(piece)) {
            co_return; // refused meanwhile: its answer has the reason
        }
    }
}

/// `bytes`: the bytes received after the previous answer; on return those after this one.
Task<RawAnswer> read_answer(Stream stream, RawRequest request, std::string* bytes) {
    RawAnswer out;
    for (;;) {
        if (out.status == 0 || out.status == 100) {
            if (auto head = take_head(*bytes)) {
                const bool continued = out.continued || head->status == 100;
                out = *std::move(head);
                out.continued = continued;
                if (out.status == 100) {
                    co_await send_pieces(stream, request.pieces);
                }
                continue;
            }
        } else {
            out.body += std::exchange(*bytes, {});
            const auto length = request.method == "HEAD" ? std::nullopt : length_of(out);
            if (length || out.body.size() > k_most_body) {
                *bytes = out.body.substr(length.value_or(out.body.size()));
                out.body.resize(out.body.size() - bytes->size());
                co_return out;
            }
        }
        if (!co_await read_more(stream, bytes)) {
            out.closed = true;
            out.kept = false;
            co_return out;
        }
    }
}

Task<RawAnswer>
one_exchange(Stream stream, std::string head, RawRequest request, std::string* bytes) {
    if (!co_await stream->write(head)) {
        co_return RawAnswer{};
    }
    if (!request.expects) {
        co_await send_pieces(stream, request.pieces);
    }
    co_return co_await read_answer(stream, std::move(request), bytes);
}

/// Ends reads from a peer that neither answers nor closes.
Task<void> close_after(std::weak_ptr<net::ByteStream> stream, Millis within) {
    (void)co_await sleep_for(within);
    if (const auto open = stream.lock()) {
        open->close();
    }
}

} // namespace

Task<std::optional<RawAnswer>>
raw_exchange(RunPtr run, RawRequest request, std::optional<RawRequest> next) {
    const auto place = place_of(run->options.target);
    const auto executor = co_await asio::this_coro::executor;
    auto opened =
        co_await net::open_byte_stream(executor, place.target, run->options.limits.connect);
    if (!opened) {
        co_return std::nullopt;
    }
    const Stream stream = *std::move(opened);
    spawn(executor, "raw exchange", close_after(stream, request.within));
    const auto last = Clock::now() + request.within;
    std::string bytes;
    auto head = head_of(*run, request, place);
    auto answer = co_await one_exchange(stream, std::move(head), std::move(request), &bytes);
    if (next && answer.kept) {
        head = head_of(*run, *next, place);
        answer = co_await one_exchange(stream, std::move(head), *std::move(next), &bytes);
    }
    answer.closed = answer.closed && Clock::now() < last;
    run->note_wait(answer.status, answer.headers);
    co_return answer;
}

} // namespace oa_stream::probe
