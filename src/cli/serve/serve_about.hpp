// The description of `serve` in the manual and the docs.
#pragma once

#include <string_view>

namespace oa_stream::cli {

inline constexpr std::string_view k_serve_about =
    R"(Runs the lane: the AI SDK stream at `/api/chat/stream` and OpenAI's APIs below `/v1`, in
front of an authority that runs the turns. With `--authority codex` it starts `codex app-server` as a
child process and restarts it when it dies; `replay` plays recorded turns and needs neither Codex nor
a model; `worker` sends turns to a Codex worker.

It listens on 127.0.0.1:8080 by default. Without `--tokens` it answers only requests to this machine's own
names. `/healthz` and `/readyz` report its state, `/metrics` has its counters, and `/version` names the
build. A turn outlives its connection: a page that reloads resumes it.

SIGTERM ends it: the lane accepts no new turns and gives live turns `--drain-timeout` to end. It ends the
remaining turns with an error. SIGHUP rereads certificates, tokens and the files of modes and levels.)";

} // namespace oa_stream::cli
