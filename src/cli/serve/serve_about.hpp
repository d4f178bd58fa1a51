// The description of `serve` in the manual and the docs.
#pragma once

#include <string_view>

namespace oa_stream::cli {

inline constexpr std::string_view k_serve_about =
    R"(Runs the lane: the AI SDK stream at `/api/chat/stream` and OpenAI chat completions below `/v1`, in
front of an authority that does the work. With `--authority codex` it starts `codex app-server` as a
child process and restarts it when it dies; `replay` plays recorded turns and needs neither Codex nor
a model; `worker` sends turns to a Codex worker.

It listens on 127.0.0.1:8080 until told otherwise, and without `--tokens` it answers only requests to
this machine's own names. `/livez` and `/readyz` say how it is, `/metrics` counts what it does, and
`/version` names the build. A turn outlives its connection: a page that reloads resumes it.

SIGTERM ends it: no new turn is accepted, live turns go on for `--drain-timeout`, then they end with a
proper error. SIGHUP reads certificates, tokens and the files of modes and levels again.)";

} // namespace oa_stream::cli
