#include "hooks.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/process.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"

#include "file/words.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <deque>
#include <utility>

namespace oa_stream::playbook {
namespace {

constexpr std::size_t k_most_waiting = 64; ///< events per hook
constexpr std::size_t k_longest_text = 2000;
constexpr auto k_tick = Millis{20};

} // namespace

struct Hooks::Delivery {
    HookEvent event{};
    std::string id;
    std::string body;
    std::optional<Result<std::string>> end{}; ///< unset: not done
    double seconds = 0;
};

struct Hooks::Hook {
    HookSpec spec;
    HookSecrets secrets;
    std::deque<std::shared_ptr<Delivery>> waiting{}; ///< the first is being delivered
    int delivered = 0;
    int failed = 0;
    std::string last_error{};
};

/// State of the deliveries, which may briefly outlive the hooks.
struct Hooks::State {
    asio::any_io_executor executor;
    HookFacts facts;
    run::RunSession* session; ///< null: the run has ended, nothing more is noted
    std::shared_ptr<net::HttpClient> client; ///< separate, so that no delivery outlives it
    std::vector<std::shared_ptr<Hook>> hooks{};
    std::uint64_t sent = 0;
    /// Identifies this process: another one may roll the run back, and also counts from 1.
    std::string process = random_hex(4);

    void note(Hook& hook, const Delivery& delivery, const Result<std::string>& end) {
        (end ? hook.delivered : hook.failed) += 1;
        const std::string detail = printable(end ? *end : end.error().message, k_longest_text);
        hook.last_error = end ? hook.last_error : detail;
        if (session == nullptr) {
            return;
        }
        session->folder().note(
            "hook",
            {{"hook", hook.spec.id},
             {"about", word_at(k_hook_words, delivery.event)},
             {"delivery", delivery.id},
             {"delivered", end.has_value()},
             {"seconds", delivery.seconds},
             {"detail", detail}}
        );
        if (!end) {
            session->say(fmt::format(
                "  hook {} did not get {}: {}",
                hook.spec.id,
                word_at(k_hook_words, delivery.event),
                detail
            ));
        }
    }
};

Hooks::Hooks(
    const asio::any_io_executor& executor,
    const std::vector<HookSpec>& specs,
    HookFacts facts,
    run::RunSession& session,
    const Outside& outside
)
    : state_(std::make_shared<State>(
          executor, std::move(facts), &session, net::HttpClient::make(executor)
      )) {
    for (const HookSpec& spec : specs) {
        const auto secrets = outside.hook_secrets.find(spec.id);
        state_->hooks.push_back(std::make_shared<Hook>(
            spec, secrets == outside.hook_secrets.end() ? HookSecrets{} : secrets->second
        ));
    }
}

Hooks::~Hooks() {
    state_->session = nullptr;
    for (const auto& hook : state_->hooks) {
        hook->waiting.clear();
    }
}

std::string Hooks::document_of(
    HookEvent event, const std::string& id, const std::string& what, const Json& fields
) const {
    const run::RunSession& session = *state_->session;
    const HookFacts& facts = state_->facts;
    Json out = {
        {"schema", "oa-stream.hook.v1"},
        {"id", id},
        {"event", word_at(k_hook_words, event)},
        {"at", rfc3339_millis(std::chrono::system_clock::now())},
        {"text",
         printable(fmt::format("{} on {}: {}", facts.playbook, facts.target, what), k_longest_text)
        },
        {"run", session.id()},
        {"playbook", facts.playbook},
        {"kind", facts.kind},
        {"target", facts.target},
        {"host", host_name()},
        {"evidence", session.folder().path().string()},
    };
    out.update(fields);
    return session.folder().redactor().apply(dump_json(out));
}

std::shared_ptr<Hooks::Delivery> Hooks::queue(
    const std::shared_ptr<Hook>& hook, HookEvent event, const std::string& what, const Json& fields
) {
    auto out = std::make_shared<Delivery>();
    out->event = event;
    out->id = fmt::format("{}-{}-{}", state_->session->id(), state_->process, ++state_->sent);
    if (hook->secrets.missing) {
        out->end = std::unexpected(*hook->secrets.missing);
    } else if (hook->waiting.size() >= k_most_waiting) {
        out->end = fail(Code::too_large, "dropped: too many events wait for it");
    }
    if (out->end) {
        state_->note(*hook, *out, *out->end);
        return out;
    }
    out->body = document_of(event, out->id, what, fields);
    hook->waiting.push_back(out);
    if (hook->waiting.size() == 1) {
        spawn(state_->executor, "hook", work(state_, hook));
    }
    return out;
}

Task<void> Hooks::work(std::shared_ptr<State> state, std::shared_ptr<Hook> hook) {
    while (!hook->waiting.empty()) {
        const std::shared_ptr<Delivery> next = hook->waiting.front();
        const auto begun = Clock::now();
        auto end = hook->spec.run.empty()
                       ? co_await deliver_to_server(
                             state->client, hook->spec, hook->secrets, next->id, next->body
                         )
                       : co_await deliver_to_program(
                             state->executor,
                             hook->spec,
                             std::string(word_at(k_hook_words, next->event)),
                             next->body
                         );
        next->seconds = seconds(Clock::now() - begun);
        if (state->session == nullptr) {
            co_return;
        }
        next->end = std::move(end);
        state->note(*hook, *next, *next->end);
        hook->waiting.pop_front();
    }
}

void Hooks::notify(HookEvent event, const std::string& what, const Json& fields) {
    for (const auto& hook : state_->hooks) {
        if (state_->session != nullptr && is_notified(hook->spec, event)) {
            (void)queue(hook, event, what, fields);
        }
    }
}

std::vector<std::string> Hooks::required() const {
    std::vector<std::string> out;
    for (const auto& hook : state_->hooks) {
        if (hook->spec.required) {
            out.push_back(hook->spec.id);
        }
    }
    return out;
}

Task<std::vector<Check>> Hooks::ask(std::string what, Json fields, const run::StopRequest* stop) {
    std::vector<std::pair<std::string, std::shared_ptr<Delivery>>> asked;
    for (const auto& hook : state_->hooks) {
        if (is_notified(hook->spec, HookEvent::before_stage)) {
            auto delivery = queue(hook, HookEvent::before_stage, what, fields);
            if (hook->spec.required) {
                asked.emplace_back(hook->spec.id, std::move(delivery));
            }
        }
    }
    std::vector<Check> out;
    for (const auto& [id, delivery] : asked) {
        while (!delivery->end) {
            if (is_requested(stop)) {
                co_return std::vector<Check>{};
            }
            (void)co_await sleep_for(k_tick);
        }
        const Result<std::string>& end = *delivery->end;
        // The hook refused, or its answer is unknown.
        const Verdict verdict = end                                      ? Verdict::pass
                                : end.error().code == Code::precondition ? Verdict::fail
                                                                         : Verdict::error;
        out.push_back(make_check(
            fmt::format("hook.{}", id),
            verdict,
            end ? *end : "a required hook: " + end.error().message
        ));
    }
    co_return out;
}

Task<void> Hooks::finish(const run::StopRequest* stop) {
    constexpr std::chrono::seconds patience{30};
    constexpr std::chrono::seconds hurry{10}; // an operator wants the process to end
    bool hurries = is_requested(stop);
    const auto limit = hurries ? hurry : patience;
    auto deadline = Clock::now() + limit;
    const auto busy = [this] {
        std::vector<std::string> out;
        for (const auto& hook : state_->hooks) {
            if (!hook->waiting.empty()) {
                out.push_back(hook->spec.id);
            }
        }
        return out;
    };
    bool warned = false;
    while (!busy().empty() && Clock::now() < deadline) {
        if (!std::exchange(warned, true) && state_->session != nullptr) {
            state_->session->say(fmt::format(
                "waiting for hooks: {} (at most {} s)", fmt::join(busy(), ", "), limit.count()
            ));
        }
        (void)co_await sleep_for(k_tick);
        if (!hurries && is_requested(stop)) {
            hurries = true;
            deadline = std::min(deadline, Clock::now() + hurry);
        }
    }
    for (const auto& hook : state_->hooks) {
        for (const auto& delivery : std::exchange(hook->waiting, {})) {
            state_->note(*hook, *delivery, fail(Code::timeout, "given up: the run is over"));
        }
    }
    state_->session = nullptr;
}

std::vector<std::string> Hooks::notes() const {
    std::vector<std::string> out;
    for (const auto& hook : state_->hooks) {
        if (hook->failed > 0) {
            out.push_back(fmt::format(
                "Hook {}: {} of {} did not arrive; the last: {}.",
                hook->spec.id,
                hook->failed,
                counted(static_cast<std::uint64_t>(hook->failed + hook->delivered), "event"),
                hook->last_error
            ));
        }
    }
    return out;
}

Json Hooks::summary() const {
    return json_list(state_->hooks, [](const auto& hook) -> Json {
        return {
            {"id", hook->spec.id},
            {"delivered", hook->delivered},
            {"failed", hook->failed},
            {"last_error", or_null(hook->last_error)},
        };
    });
}

} // namespace oa_stream::playbook
