#include "oa_stream/probe/smoke.hpp"

#include <array>

namespace oa_stream::probe {
namespace {

// clang-format off
constexpr std::array k_rules{
    SmokeRule{"reach.healthz", true, "GET /healthz is 200"},
    SmokeRule{"reach.readyz", true, "GET /readyz is 200"},
    SmokeRule{"reach.version", true, "GET /version names the authority"},
    SmokeRule{"resume.unknown", false, "resuming an unknown thread is 404 or 204, never a stream"},
    SmokeRule{"happy.chat-stream", true, "POST /api/chat/stream answers a prompt according to the contract"},
    SmokeRule{"happy.chats-id-stream", true, "POST /api/chats/{id}/stream answers content parts"},
    SmokeRule{"happy.chat", true, "POST /api/chat answers the AI SDK's own request"},
    SmokeRule{"headers.content-type", true, "the media type is text/event-stream"},
    SmokeRule{"headers.cache-control", true, "cache-control has no-cache and no-transform"},
    SmokeRule{"headers.ui-message-stream", true, "x-vercel-ai-ui-message-stream is v1"},
    SmokeRule{"headers.accel-buffering", true, "x-accel-buffering is no"},
    SmokeRule{"headers.not-encoded", true, "no content-encoding and no content-length"},
    SmokeRule{"headers.request-id", false, "x-request-id is there"},
    SmokeRule{"headers.revision", false, "x-oa-revision is there"},
    SmokeRule{"headers.thread-id", false, "x-oa-thread-id is there"},
    SmokeRule{"headers.turn-id", false, "x-oa-turn-id is there"},
    SmokeRule{"headers.compat-window", false, "the x-oa-compatibility-* window headers are there"},
    SmokeRule{"headers.not-retired", true, "none of the retired lane's headers is there"},
    SmokeRule{"streaming.incremental", false, "content arrives while it is being made"},
    SmokeRule{"streaming.origin", false, "what the origin streams, the target streams too"},
    SmokeRule{"content.messages", false, "/messages has each completed turn once, as it was streamed"},
    SmokeRule{"resume.ended", false, "resuming an ended turn is 204 or its exact replay"},
    SmokeRule{"auth.missing-token", false, "no token is 401"},
    SmokeRule{"auth.bad-token", false, "a wrong token is 401"},
    SmokeRule{"compat.missing", false, "required compat headers that are missing are 426 invalid_client_build"},
    SmokeRule{"compat.protocol", false, "a wrong protocol is 426 unsupported_protocol_version"},
    SmokeRule{"compat.schema", false, "a wrong schema is 426 unsupported_schema_version"},
    SmokeRule{"compat.build", false, "a build outside the window is 426"},
    SmokeRule{"reject.assistant-only", true, "messages without a user's are 422"},
    SmokeRule{"reject.bad-json", true, "broken JSON is 400"},
    SmokeRule{"reject.content-type", true, "another content type is 415"},
    SmokeRule{"tool.call", false, "a tool call is streamed with its output, marked as run by the server"},
    SmokeRule{"failure.in-stream", false, "a failed turn is exactly one error, contract kept"},
    SmokeRule{"resume.live", false, "a lost connection is resumed from the turn's start, the same bytes"},
    SmokeRule{"stop.live", false, "the stop endpoint ends the turn as interrupted"},
    SmokeRule{"stop.state", false, "within 2 s the thread shows that the stopped turn is interrupted"},
    SmokeRule{"abort.recovers", false, "after a disconnect the thread takes its next message"},
    SmokeRule{"abort.state", false, "the next message ends the abandoned turn within 2 s, and the thread shows it"},
    SmokeRule{"abort.disconnect", false, "a turn without readers is interrupted within 2 s after its grace time"},
    SmokeRule{"concurrency", false, "parallel turns all end well"},
    SmokeRule{"footprint", false, "which turns this smoke started"},
};
// clang-format on

} // namespace

std::span<const SmokeRule> smoke_rules() noexcept {
    return k_rules;
}

} // namespace oa_stream::probe
