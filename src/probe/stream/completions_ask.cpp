#include "completions_ask.hpp"

#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/wire/completions_chunk.hpp"

#include "target_request.hpp"

#include <fmt/format.h>

#include <memory>
#include <variant>

namespace oa_stream::probe {

namespace {

namespace wire_chat = wire::completions;

constexpr std::size_t k_most_bytes = 8U << 20U;

/// Fills a Completion while its bytes come in. Pinned: the judge calls back into it.
class Listener {
public:
    explicit Listener(bool streamed) : judge_(contract::Profile::chat_completions) {
        out_.streamed = streamed;
        judge_.on_completion([this](const wire_chat::Event& event, std::uint64_t) {
            std::visit([this](const auto& known) { on(known); }, event);
        });
    }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener() = default;

    void head(const net::ClientResponse& response) {
        out_.clocks.headers = seconds(Clock::now() - asked_);
        judge_.head({response.status, response.headers.all()});
    }
    [[nodiscard]] net::Flow bytes(std::string_view bytes, Clock::time_point at) {
        now_ = at;
        if (!out_.clocks.first_byte) {
            out_.clocks.first_byte = seconds(at - asked_);
        }
        if (body_.size() + bytes.size() > k_most_bytes) {
            return net::Flow::stop;
        }
        body_ += bytes;
        judge_.feed(bytes);
        return net::Flow::go_on;
    }
    [[nodiscard]] Completion end(net::ClientResponse response) {
        const bool clean = response.failure == net::TransferFailure::none;
        out_.clocks.end = seconds(Clock::now() - asked_);
        out_.done = judge_.done();
        out_.judgement = judge_.finish(clean);
        response.body = std::move(body_);
        const auto type = response.headers.get("content-type").value_or("");
        if (!type.starts_with("text/event-stream")) {
            read_whole(response.body);
        }
        if (first_content_) {
            out_.pacing = judge_pacing(
                {frames_,
                 reads_,
                 out_.clocks.first_event.value_or(0),
                 seconds(*first_content_ - asked_),
                 seconds(last_content_ - asked_)},
                std::nullopt
            );
        }
        out_.response = std::move(response);
        return std::move(out_);
    }

private:
    void letter(char which) {
        if (which != 'C' || !out_.order.ends_with('C')) {
            out_.order += which;
        }
    }
    void on(const wire_chat::Chunk& chunk) {
        if (!out_.clocks.first_event) {
            out_.clocks.first_event = seconds(now_ - asked_);
        }
        if (chunk.role) {
            letter('R');
        }
        if (chunk.content && !chunk.content->empty()) {
            on_content(*chunk.content);
        }
        if (chunk.finish) {
            letter('F');
            out_.finish = *chunk.finish;
        }
        if (chunk.usage) {
            letter('U');
            out_.usage = true;
        }
    }
    void on_content(std::string_view text) {
        letter('C');
        out_.text += text;
        ++frames_;
        if (!first_content_) {
            first_content_ = now_;
            out_.clocks.first_content = seconds(now_ - asked_);
        }
        reads_ += reads_ == 0 || seconds(now_ - last_content_) > k_same_read ? 1U : 0U;
        last_content_ = now_;
    }
    void on(const wire_chat::ErrorObject& error) {
        letter('E');
        out_.error_code = error.code;
    }
    void on(const wire_chat::Done&) { letter('D'); }

    void read_whole(std::string_view body) {
        const auto parsed = wire_chat::parse_answer(body);
        if (!parsed.body) {
            return;
        }
        if (const auto* answer = std::get_if<wire_chat::Answer>(&*parsed.body)) {
            out_.text = answer->content;
            out_.finish = answer->finish;
            out_.usage = answer->usage.has_value();
        } else {
            out_.error_code = std::get<wire_chat::ErrorObject>(*parsed.body).code;
        }
    }

    Completion out_{};
    contract::Judge judge_;
    std::string body_{};
    Clock::time_point asked_ = Clock::now();
    Clock::time_point now_ = asked_;
    std::optional<Clock::time_point> first_content_{};
    Clock::time_point last_content_{};
    std::uint64_t frames_ = 0;
    std::uint64_t reads_ = 0;
};

std::string millis(const std::optional<double>& seconds) {
    return seconds ? fmt::format("{:.0f} ms", *seconds * 1000) : "never";
}

} // namespace

std::string Completion::wrong() const {
    if (response.status == 0 || response.failure != net::TransferFailure::none) {
        return fmt::format(
            "the answer did not arrive whole: {} {}",
            to_string(response.failure),
            printable(response.failure_text, 120)
        );
    }
    if (response.status != 200) {
        return fmt::format("expected 200, saw {} {}", response.status, error_code);
    }
    if (!judgement.violations.empty()) {
        const auto& first = judgement.violations.front();
        return fmt::format("{}: {}", first.rule->id, first.message);
    }
    if (!error_code.empty()) {
        return fmt::format("the turn failed: {}", error_code);
    }
    if (streamed && !done) {
        return "expected a stream that ends with [DONE], saw none";
    }
    return {};
}

std::string Completion::timing() const {
    if (!streamed) {
        return fmt::format("head {}, end {}", millis(clocks.headers), millis(clocks.end));
    }
    return fmt::format(
        "head {}, first text {}, end {}",
        millis(clocks.headers),
        millis(clocks.first_content),
        millis(clocks.end)
    );
}

Task<Completion>
ask_completion(net::HttpClient* client, Target target, Json body, ProbeLimits limits) {
    target.compat.reset();
    auto request = target_request(target, "POST", "/v1/chat/completions");
    request.headers.set("content-type", "application/json");
    request.body = dump_json(body);
    request.fresh_connection = true;
    apply_limits(request, limits);
    const bool streamed = bool_member(body, "stream").value_or(false);
    if (!streamed) {
        // A whole answer is silent until it is done.
        request.first_byte_timeout = limits.total;
        request.idle_timeout = limits.total;
    }
    const auto listener = std::make_shared<Listener>(streamed);
    net::StreamHandlers handlers;
    handlers.on_head = [listener](const net::ClientResponse& head) {
        listener->head(head);
        return net::Flow::go_on;
    };
    handlers.on_bytes = [listener](std::string_view bytes, Clock::time_point at) {
        return listener->bytes(bytes, at);
    };
    const auto transfer = client->stream(std::move(request), std::move(handlers));
    auto response = co_await transfer->done();
    co_return listener->end(std::move(response));
}

} // namespace oa_stream::probe
