#include "request_parser.hpp"

#include "oa_stream/base/text.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

namespace oa_stream::net {

namespace {

namespace http = boost::beast::http;
using BeastError = boost::beast::error_code;
using BeastText = boost::beast::string_view;

/// Limit for lines between the pieces of a chunked body (sizes, extensions, trailers): Beast
/// requests more input until a line is complete.
constexpr std::size_t k_chunk_line_limit = 16U << 10U;
/// Most bodies fit without growing.
constexpr std::size_t k_body_reserve = 16U << 10U;

std::string text(BeastText view) {
    return {view.data(), view.size()};
}

/// Beast's grammar; its results go directly into our Request.
class Grammar final : public http::basic_parser<true> {
public:
    Grammar(const ServerLimits& limits, HandOver hand_over) : kept_limit(limits.body_bytes) {
        const auto most = std::numeric_limits<std::uint32_t>::max();
        header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(limits.header_bytes, most)));
        body_limit(
            hand_over == HandOver::head ? std::max(limits.body_bytes, limits.sieved_bytes)
                                        : limits.body_bytes
        );
    }

    Request request;
    std::size_t kept_limit;
    std::unique_ptr<BodySieve> sieve{};
    int version = 11;
    int hosts = 0;
    bool any_coding = false; ///< the request has a transfer coding
    bool coded_body = false; ///< … other than chunked
    bool continue_wanted = false;
    bool discards = false; ///< the body is not kept

    /// Beast 1.81 asserts that it sees the line of a last chunk with at least five bytes
    /// ("0\r\n\r\n"): a peer that sends them one by one could abort us.
    [[nodiscard]] bool too_short(std::string_view rest) const noexcept {
        return this->is_header_done() && this->chunked() && !in_chunk_ && rest.size() < 5 &&
               rest.starts_with('0');
    }

private:
    void on_request_impl(
        http::verb, BeastText method, BeastText target, int number, BeastError& error
    ) override {
        version = number;
        request.method = text(method);
        request.target = text(target);
        error = {};
    }

    void on_response_impl(int, BeastText, int, BeastError& error) override { error = {}; }

    void
    on_field_impl(http::field name, BeastText raw, BeastText value, BeastError& error) override {
        error = {};
        if (this->is_header_done()) {
            return; // a trailer: merging it would let a body rewrite the head
        }
        hosts += name == http::field::host ? 1 : 0;
        any_coding |= name == http::field::transfer_encoding;
        coded_body |= name == http::field::transfer_encoding && !iequals(text(value), "chunked");
        continue_wanted |= name == http::field::expect && iequals(text(value), "100-continue");
        request.headers.add(text(raw), text(value));
    }

    void on_header_impl(BeastError& error) override { error = {}; }

    void
    on_body_init_impl(const boost::optional<std::uint64_t>& length, BeastError& error) override {
        // Allocate for received bytes only, not for the announced length.
        request.body.reserve(std::min<std::size_t>(length.value_or(0), k_body_reserve));
        error = {};
    }

    std::size_t on_body_impl(BeastText piece, BeastError& error) override {
        error = {};
        if (discards) {
            return piece.size();
        }
        if (sieve) {
            sieve->filter({piece.data(), piece.size()}, request.body, kept_limit);
        } else {
            request.body.append(piece.data(), piece.size());
        }
        if (request.body.size() > (sieve ? 2 * kept_limit : kept_limit)) {
            error = http::error::body_limit;
        }
        return piece.size();
    }

    void on_chunk_header_impl(std::uint64_t size, BeastText, BeastError& error) override {
        in_chunk_ = size > 0;
        error = {};
    }

    std::size_t
    on_chunk_body_impl(std::uint64_t left, BeastText piece, BeastError& error) override {
        in_chunk_ = left > piece.size();
        return on_body_impl(piece, error);
    }

    void on_finish_impl(BeastError& error) override {
        error = {};
        if (sieve && !discards) {
            sieve->finish(request.body);
            if (request.body.size() > kept_limit) {
                error = http::error::body_limit;
            }
        }
    }

    bool in_chunk_ = false;
};

Refusal refusal_of(const BeastError& error) noexcept {
    if (error == http::error::header_limit) {
        return {431, "request head too large"};
    }
    return {400, "malformed request"};
}

/// RFC 9112 §3.2.2: a server must also accept "GET http://host/path".
std::string_view origin_form(std::string_view target) noexcept {
    const auto scheme = target.find("://");
    if (target.starts_with('/') || scheme == std::string_view::npos) {
        return target;
    }
    const auto path = target.find_first_of("/?", scheme + 3);
    return path == std::string_view::npos ? "/" : target.substr(path);
}

} // namespace

class RequestParser::Impl {
public:
    Impl(const ServerLimits& limits, HandOver hand_over)
        : grammar(limits, hand_over), header_limit_(limits.header_bytes),
          stops_(hand_over == HandOver::head) {}

    Status feed(std::string_view bytes, std::size_t& consumed) {
        consumed = 0;
        while (!grammar.is_done()) {
            const bool was_head = !grammar.is_header_done();
            BeastError error;
            const auto rest = bytes.substr(consumed);
            if (was_head) {
                if (const auto fault = lines_.look(rest)) {
                    note_target(rest);
                    return refuse(*fault);
                }
            }
            if (rest.empty() || grammar.too_short(rest)) {
                return Status::need_more;
            }
            const auto taken = grammar.put(asio::const_buffer(rest.data(), rest.size()), error);
            consumed += taken;
            if (was_head) {
                head_bytes_ += taken;
                lines_.taken(taken);
            }
            if (const auto status = judge(error, was_head, bytes.size() - consumed)) {
                return *status;
            }
            if (was_head && stops_ && grammar.is_header_done() && !grammar.is_done()) {
                return Status::head_whole;
            }
        }
        return Status::complete;
    }

    Grammar grammar;
    RequestTraits traits;
    Refusal refusal{};
    bool head_done = false;

private:
    /// nullopt: continue parsing.
    std::optional<Status> judge(const BeastError& error, bool was_head, std::size_t left) {
        if (error == http::error::body_limit) {
            note_traits();
            return Status::body_too_large;
        }
        if (error && error != http::error::need_more) {
            return refuse(refusal_of(error));
        }
        // Beast only limits the part that it has not consumed yet; many short lines would evade
        // that.
        const auto pending = error && was_head ? left : 0;
        if (was_head && head_bytes_ + pending > header_limit_) {
            return refuse({431, "request head too large"});
        }
        if (was_head && grammar.is_header_done()) {
            note_traits();
            if (const auto fault = head_fault()) {
                return refuse(*fault);
            }
        }
        if (error && !was_head && left > k_chunk_line_limit) {
            return refuse({400, "malformed chunked body"});
        }
        return error ? std::optional(Status::need_more) : std::nullopt;
    }

    [[nodiscard]] std::optional<Refusal> head_fault() const {
        // RFC 9112 §3.2. Two Host fields are a way to smuggle requests past a proxy's rules.
        if (grammar.hosts > 1 || (grammar.hosts == 0 && !traits.http10)) {
            return Refusal{400, "a request needs exactly one Host field"};
        }
        // RFC 9112 §6.1: an HTTP/1.0 proxy in front may not have seen where the body ends.
        if (grammar.any_coding && traits.http10) {
            return Refusal{400, "HTTP/1.0 has no transfer codings"};
        }
        if (grammar.coded_body) {
            return Refusal{501, "only the transfer coding chunked is understood"};
        }
        return std::nullopt;
    }

    /// Extracts the target from a head that was refused without parsing.
    void note_target(std::string_view head) {
        const auto line = head.substr(0, head.find_first_of("\r\n"));
        const auto begin = line.find(' ');
        if (grammar.request.target.empty() && begin != std::string_view::npos) {
            const auto rest = line.substr(begin + 1);
            grammar.request.target = std::string(rest.substr(0, rest.find(' ')));
        }
    }

    Status refuse(Refusal why) {
        refusal = why;
        return Status::refused;
    }

    void note_traits() {
        head_done = true;
        traits.http10 = grammar.version < 11;
        traits.head = grammar.request.method == "HEAD";
        // Beast only computes this after the head, which a length over the limit never reaches.
        traits.keep_alive = grammar.is_header_done() && grammar.keep_alive();
        // RFC 9110 §10.1.1: an HTTP/1.0 client does not understand the interim answer.
        traits.continue_wanted = grammar.continue_wanted && !traits.http10;
    }

    HeadLines lines_{};
    std::size_t header_limit_;
    std::size_t head_bytes_ = 0;
    bool stops_;
};

RequestParser::RequestParser(const ServerLimits& limits, HandOver hand_over)
    : impl_(std::make_unique<Impl>(limits, hand_over)) {
}

RequestParser::~RequestParser() = default;

RequestParser::Status RequestParser::feed(std::string_view bytes, std::size_t& consumed) {
    return impl_->feed(bytes, consumed);
}

bool RequestParser::head_done() const noexcept {
    return impl_->head_done;
}

bool RequestParser::done() const noexcept {
    return impl_->grammar.is_done();
}

const RequestTraits& RequestParser::traits() const noexcept {
    return impl_->traits;
}

Refusal RequestParser::refusal() const noexcept {
    return impl_->refusal;
}

std::size_t RequestParser::body_bytes() const noexcept {
    return impl_->grammar.request.body.size();
}

std::optional<std::uint64_t> RequestParser::body_left() const {
    const auto left = impl_->grammar.content_length_remaining();
    return left ? std::optional(*left) : std::nullopt;
}

void RequestParser::sieve_body(std::unique_ptr<BodySieve> sieve) {
    impl_->grammar.sieve = std::move(sieve);
}

void RequestParser::discard_body() {
    impl_->grammar.discards = true;
    std::string().swap(impl_->grammar.request.body); // assigning would keep the memory
}

std::string RequestParser::take_body() {
    return std::move(impl_->grammar.request.body);
}

std::string RequestParser::path() const {
    const auto local = origin_form(impl_->grammar.request.target);
    return std::string(local.substr(0, local.find('?')));
}

Request RequestParser::take() {
    auto request = std::move(impl_->grammar.request);
    const auto local = origin_form(request.target);
    const auto mark = local.find('?');
    request.path = local.substr(0, mark);
    request.query =
        mark == std::string_view::npos ? std::string() : std::string(local.substr(mark + 1));
    if (request.path.empty()) {
        request.path = "/";
    }
    return request;
}

} // namespace oa_stream::net
