// serve: run the lane.
#include "core/commands.hpp"
#include "serve_options.hpp"
#include "serve_process.hpp"

#include <array>

namespace oa_stream::cli {

namespace {

Result<ExitCode> run(const Args& args, Context& context) {
    OA_TRY(auto options, parse_serve_options(args, context));
    return serve(std::move(options), context);
}

constexpr std::array k_options{
    OptionSpec{
        "--listen",
        "HOST:PORT",
        "Where clients come in, or unix:/PATH; port 0 picks one.",
        "127.0.0.1:8080",
        true
    },
    OptionSpec{"--unix-mode", "MODE", "File mode of a unix socket, octal.", "0600"},
    OptionSpec{"--tls-cert", "FILE", "Certificate chain (PEM); SIGHUP reads it again."},
    OptionSpec{"--tls-key", "FILE", "Its key, unencrypted PEM, closed to others."},
    OptionSpec{
        "--trusted-proxy",
        "CIDR",
        "Whose Forwarded and X-Forwarded-* are believed; unix for local sockets.",
        {},
        true
    },
    OptionSpec{"--authority", "codex|replay", "Who runs the turns.", "codex"},
    OptionSpec{"--codex-bin", "PATH", "The Codex executable, looked up in PATH.", "codex"},
    OptionSpec{"--codex-children", "N", "How many Codex processes share the threads.", "1"},
    OptionSpec{"--codex-profile", "NAME", "chat (no tools) or agent (tools).", "chat"},
    OptionSpec{"--codex-config", "FILE", "A config.toml that replaces the profile's."},
    OptionSpec{
        "--approvals",
        "HOW",
        "deny: declined. ask: clients with x-oa-accept: tool-approval decide.",
        "deny"
    },
    OptionSpec{"--model", "NAME", "The model Codex asks for, and its name under /v1."},
    OptionSpec{
        "--completions-limit", "N", "Chat completions (/v1) at once; more are refused: 429.", "16"
    },
    OptionSpec{"--provider-url", "URL", "Where Codex finds the model; it asks URL/responses."},
    OptionSpec{
        "--provider-key-env", "NAME", "The environment variable with the model provider's key."
    },
    OptionSpec{"--replay", "DIR", "Recorded turns to play (*.jsonl); a built-in set if not given."},
    OptionSpec{"--pace", "recorded|immediate|xN", "How fast they are played.", "recorded"},
    OptionSpec{
        "--inject",
        "KIND=VALUE",
        "A fault for played turns: error-rate, malformed, stall, drop, latency, slow, kill.",
        {},
        true
    },
    OptionSpec{
        "--inject-file", "FILE", "Faults, one a line; read again whenever the file changes."
    },
    OptionSpec{"--ready-file", "FILE", "Written as JSON once requests are accepted."},
    OptionSpec{"--revision", "NAME", "This deployment's name (also K_REVISION)."},
    OptionSpec{
        "--tokens",
        "FILE",
        "Who may come in: lines sha256:HEX owner=NAME [expires=TIME]; read again when it "
        "changes. Also OA_STREAM_TOKEN."
    },
    OptionSpec{"--compat", "optional|required", "The handshake headers of clients.", "optional"},
    OptionSpec{"--compat-policy", "FILE", "The window of clients served, as JSON."},
    OptionSpec{"--cors-origin", "ORIGIN", "A web origin that may call the lane, or *.", {}, true},
    OptionSpec{
        "--lane", "on|retired|off", "retired answers as the retired bridge, off with 503.", "on"
    },
    OptionSpec{"--lane-file", "FILE", "Holds that mode; read at start and on SIGHUP."},
    OptionSpec{"--drain-timeout", "D", "How long SIGTERM lets live turns go on.", "10s"},
    OptionSpec{"--heartbeat", "D", "Silence on a stream before a comment is sent.", "15s"},
    OptionSpec{
        "--detach-grace",
        "D",
        "How long a turn without readers goes on before it is stopped.",
        "30s"
    },
    OptionSpec{
        "--limit",
        "NAME=VALUE",
        "Sets a limit: streams, streams-per-owner, readers-per-turn, text-chars, json-depth, "
        "turn-log, total-log, max-lag, max-lag-time, turn-time, first-event, idle, approval, body, "
        "headers, connections, handshake-time, head-time, body-time, write-time, keep-alive.",
        {},
        true
    },
    OptionSpec{
        "--id-map", "FILE", "Where client and authority threads are matched; codex keeps one."
    },
    OptionSpec{"--access-log", "FILE", "One line a request; stderr if not given."},
    OptionSpec{"--access-log-format", "json|logfmt", "How a line is written.", "json"},
    OptionSpec{"--log-level", "debug|info|warn|error", "What else stderr tells.", "info"},
    OptionSpec{"--log-level-file", "FILE", "Holds that level; read at start and on SIGHUP."},
};

constexpr std::array<std::string_view, 3> k_examples{
    "oa-stream serve --listen 127.0.0.1:8080 --authority replay --pace x4",
    "oa-stream serve --authority codex --model gpt-5.5 --tokens /etc/oa-stream/tokens",
    "oa-stream serve --listen 0.0.0.0:8080 --tokens tokens --compat required --compat-policy p.json"
};

} // namespace

const CommandSpec serve_command{
    .path = "serve",
    .summary = "Run the lane.",
    .positionals = {},
    .options = k_options,
    .examples = k_examples,
    .run = run,
};

} // namespace oa_stream::cli
