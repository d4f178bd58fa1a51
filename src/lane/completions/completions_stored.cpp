// Stored responses: those that a request names, and GET and DELETE /v1/responses/{id}.
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/text.hpp"

#include "bodies/read_body.hpp"
#include "chats/paging.hpp"
#include "completions_params.hpp"
#include "completions_route.hpp"
#include "gates/gates.hpp"
#include "responses/responses_request.hpp"

#include <fmt/format.h>

#include <array>
#include <span>
#include <utility>

namespace oa_stream::lane {

namespace {

/// Gates of a stored response: reading needs only the first, deleting all.
constexpr std::array<Gate, 2> k_stored_gates{owner, optional_type};

/// Clients send a list as include[]=…, usually with encoded brackets.
Accepted<void> check_query(std::string_view query) {
    if (query_parameter(query, "stream").value_or("false") != "false") {
        return unsupported("stream", "a stored response is not streamed again");
    }
    while (!query.empty()) {
        auto pair = cut_until(query, '&');
        const auto name = percent_decode(cut_until(pair, '='));
        if (name == "include" || name == "include[]") {
            OA_CHECK(check_included("include", percent_decode(pair).value_or("")));
        }
    }
    return {};
}

} // namespace

Task<Accepted<std::shared_ptr<const ResponseStore>>> Completions::named_by(CallPtr call) {
    const auto& ask = *call->completion->responses;
    std::vector<std::string> items;
    for (const auto& item : ask.input) {
        if (!item.reference.empty()) {
            items.push_back(item.reference);
        }
    }
    if (!lane_->shared || (ask.previous.empty() && items.empty())) {
        co_return store_;
    }
    auto loaded = co_await load_responses(
        &lane_->shared->store(), call->record.owner, ask.previous, std::move(items), aside(call)
    );
    if (!loaded) {
        OA_CO_CHECK(open_for_turns(*lane_, *call)); // a drain cancels waiting jobs
        co_return reject_store_away();
    }
    co_return *std::move(loaded);
}

Aside Completions::aside(CallPtr call) const {
    return [lane = lane_, call = std::move(call)](std::size_t bytes, std::function<void()> job) {
        return lane->bodies.run(
            bytes,
            [job = std::move(job)](const std::stop_token& stop) {
                if (!stop.stop_requested()) {
                    job();
                }
            },
            [call] { return call->exchange->peer_gone(); }
        );
    };
}

Task<Accepted<void>> Completions::resolve(CallPtr call, CompletionsContext context) {
    OA_CO_TRY(const auto known, co_await named_by(call));
    auto& request = *call->completion;
    auto& ask = *request.responses;
    OA_CO_CHECK(find_conversation(*known, call->record.owner, context, ask));
    std::size_t bytes = 0;
    for (const auto& item : ask.conversation) {
        bytes += size_of(*item);
    }
    Accepted<void> resolved{};
    std::function<void()> job = [&] { resolved = resolve_conversation(context, request); };
    if (!co_await run_aside(aside(call), bytes, std::move(job))) {
        OA_CO_CHECK(open_for_turns(*lane_, *call));
        co_return reject_crowd();
    }
    co_return resolved;
}

/// Stores the response before the client gets the end. A response that cannot be stored is still
/// sent: its client can send the whole conversation in its next request.
std::function<void(std::function<void()> done)>
Completions::saves(const std::shared_ptr<NewResponse>& unsaved) const {
    const auto save = [](store::Store* store,
                         Log* log,
                         std::shared_ptr<NewResponse> unsaved,
                         std::function<void()> done) -> Task<void> {
        const auto saved = co_await save_response(store, std::move(unsaved));
        if (!saved && log != nullptr) {
            log->note(LogLevel::warn, "store", "no response is stored: " + saved.error().text());
        }
        done();
    };
    return [executor = lane_->executor,
            store = &lane_->shared->store(),
            log = lane_->parts.log,
            unsaved,
            save](std::function<void()> done) {
        spawn(executor, "response", save(store, log, unsaved, std::move(done)));
    };
}

Task<void> Completions::stored(CallPtr call) {
    const bool reads = call->match.route->action == Action::read_response;
    const auto gates = std::span(k_stored_gates).first(reads ? 1 : k_stored_gates.size());
    if (auto passed = pass_gates(*lane_, *call, gates); !passed) {
        co_return co_await answers_->refuse(std::move(call), std::move(passed).error());
    }
    auto body = co_await use_stored(call, reads);
    if (!body) {
        co_return co_await answers_->refuse(std::move(call), std::move(body).error());
    }
    co_await answers_->send(std::move(call), json_response(200, *body));
}

/// Returns the response, or the confirmation that it was deleted.
Task<Accepted<Json>> Completions::use_stored(CallPtr call, bool reads) {
    const auto& owner = call->record.owner;
    const auto id = percent_decode(call->match.id.value_or("")).value_or("");
    auto* shared = lane_->shared ? &lane_->shared->store() : nullptr;
    std::optional<Json> found;
    bool deleted = false;
    if (shared == nullptr) {
        const auto* kept = store_->find(owner, id);
        found = kept != nullptr ? std::optional(kept->response) : std::nullopt;
        deleted = !reads && store_->remove(owner, id);
    } else if (reads) {
        auto read = co_await read_response(shared, owner, id);
        if (!read) {
            co_return reject_unknown_for_now();
        }
        found = *std::move(read);
    } else {
        const auto dropped = co_await shared->drop_response({owner, id});
        if (!dropped) {
            co_return reject_unknown_for_now();
        }
        deleted = *dropped;
    }
    if (!found && !deleted) {
        co_return reject(
            404,
            "not_found",
            fmt::format("there is no stored response '{}' here (any more)", printable(id, 80))
        );
    }
    if (reads) {
        OA_CO_CHECK(check_query(call->request().query));
        co_return *std::move(found);
    }
    co_return Json::object({{"id", id}, {"object", "response"}, {"deleted", true}});
}

} // namespace oa_stream::lane
