// serve: runs the lane.
#include "oa_stream/authority/replay.hpp"
#include "oa_stream/base/option_names.hpp"

#include "codex_rows.hpp"
#include "core/commands.hpp"
#include "serve_about.hpp"
#include "serve_options.hpp"
#include "serve_process.hpp"
#include "serve_record.hpp"
#include "serve_values.hpp"
#include "store_rows.hpp"
#include "worker_rows.hpp"

namespace oa_stream::cli {

namespace {

using authority::AuthorityOptions;
using authority::CodexDeadlines;
using authority::CodexLimits;
using authority::CodexOptions;
using authority::CodexOwners;
using authority::ReplayOptions;
using authority::WorkerOptions;
using lane::LaneConfig;
using lane::LaneLimits;
using lane::LaneTimings;
using store::StoreOptions;

Result<ExitCode> run(ServeOptions options, Context& context) {
    OA_CHECK(complete_options(options, context));
    return serve(std::move(options), context);
}

using ServeCodex = CodexRows<&ServeOptions::authority, &AuthorityOptions::codex>;
using ServeWorker = WorkerRows<&ServeOptions::authority, &AuthorityOptions::worker>;
constexpr auto k_options = options<ServeOptions>(
    parsed<read_endpoint, &ServeOptions::listeners, &ListenerOptions::endpoints>(
        names::listen,
        "HOST:PORT",
        "Accept clients at this address, or at unix:/PATH. Port 0 picks a free one."
    )
        .or_else("127.0.0.1:8080"),
    parsed<read_mode, &ServeOptions::listeners, &ListenerOptions::unix_mode>(
        "--unix-mode", "MODE", "Set the file mode of a unix socket, in octal."
    )
        .or_else("0600"),
    option<&ServeOptions::listeners, &ListenerOptions::certificate>(
        names::tls_cert, "FILE", "Serve TLS with this certificate chain (PEM). SIGHUP rereads it."
    ),
    option<&ServeOptions::listeners, &ListenerOptions::key>(
        names::tls_key,
        "FILE",
        "Use this key of the certificate: unencrypted PEM that others than its owner and group "
        "cannot read."
    ),
    custom<ServeOptions, add_proxies>(
        "--trusted-proxy",
        "CIDR",
        "Trust Forwarded and X-Forwarded-* from these addresses. Use `unix` for local sockets.",
        true
    ),
    parsed<read_kind, &ServeOptions::kind>(names::authority, {}, "Run turns with this authority.")
        .among(authority::authority_words)
        .or_else("codex"),
    ServeCodex::program,
    option<&ServeOptions::authority, &AuthorityOptions::codex_children>(
        names::codex_children, "N", "Share the threads among N Codex processes."
    )
        .range(1, 64)
        .or_else("1"),
    k_codex_server<&ServeOptions::authority, &AuthorityOptions::codex_servers>,
    k_codex_token<&ServeOptions::codex_token>,
    option<
        &ServeOptions::authority,
        &AuthorityOptions::codex,
        &CodexOptions::deadlines,
        &CodexDeadlines::heartbeat>(
        "--codex-heartbeat", "D", "Ping a Codex process after this much silence."
    )
        .range(100, 600'000)
        .or_else("5s"),
    option<
        &ServeOptions::authority,
        &AuthorityOptions::codex,
        &CodexOptions::deadlines,
        &CodexDeadlines::heartbeat_answer>(
        "--codex-heartbeat-timeout",
        "D",
        "Replace a Codex process that does not answer a ping for this long."
    )
        .range(100, 600'000)
        .or_else("10s"),
    option<
        &ServeOptions::authority,
        &AuthorityOptions::codex,
        &CodexOptions::deadlines,
        &CodexDeadlines::backoff_cap>(
        "--codex-restart-max",
        "D",
        "Wait at most this long before an ended Codex process is restarted."
    )
        .range(200, 600'000)
        .or_else("10s"),
    option<
        &ServeOptions::authority,
        &AuthorityOptions::codex,
        &CodexOptions::deadlines,
        &CodexDeadlines::keep_threads>(
        names::keep_threads,
        "D",
        "Delete a thread and its text from Codex's home when it was unused for this long. "
        "Without it: never."
    )
        .range(60'000, k_longest_ms),
    option<
        &ServeOptions::authority,
        &AuthorityOptions::codex,
        &CodexOptions::deadlines,
        &CodexDeadlines::compress_after>(
        names::compress_threads,
        "D",
        "Let Codex compress the stored text of a thread when it was unused for this long. 0s: "
        "after a week, when Codex starts."
    )
        .range(0, k_longest_ms)
        .or_else("0s"),
    parsed<
        read_size,
        &ServeOptions::authority,
        &AuthorityOptions::codex,
        &CodexOptions::limits,
        &CodexLimits::least_free_bytes>(
        "--codex-min-free",
        "SIZE",
        "Start no turn while the disk of Codex's home has less free space than this: 64m, "
        "2GB."
    )
        .or_else("64m"),
    ServeCodex::profile,
    ServeCodex::config_file,
    option<&ServeOptions::authority, &AuthorityOptions::codex, &CodexOptions::work_dir>(
        names::work_dir, "DIR", "Let Codex work in this folder. Without it: in a private one."
    ),
    option<&ServeOptions::authority, &AuthorityOptions::codex_owners, &CodexOwners::work_template>(
        names::work_dir_template,
        "PATH",
        "Give each owner a separate Codex that works in this folder; {owner} in the path is the "
        "owner's name."
    ),
    option<&ServeOptions::authority, &AuthorityOptions::codex_owners, &CodexOwners::most>(
        "--codex-owners", "N", "Run Codex for at most N owners at once."
    )
        .range(1, 1000)
        .or_else("16"),
    option<&ServeOptions::authority, &AuthorityOptions::codex, &CodexOptions::read_dirs>(
        names::read_dir,
        "DIR",
        "Let the commands of the agent profile read this folder, in addition to the system and "
        "their own."
    ),
    flag<&ServeOptions::shared_workspace>(
        names::shared_workspace,
        "Let several owners share one work folder and one Codex home, commands and files included."
    ),
    flag<&ServeOptions::allow_root>(
        names::allow_root, "Let the model run commands even if this process is root."
    ),
    option<&ServeOptions::lane, &LaneConfig::approvals>(
        names::approvals,
        k_approvals,
        "Decline approvals (deny), or ask clients that send x-oa-accept: tool-approval (ask)."
    )
        .or_else("deny"),
    option<&ServeOptions::models>(
        "--model",
        "NAME[=LABEL]",
        "Let Codex use this model. Repeat it to let clients choose: always under /v1, in chats "
        "with --allow model. The first is the default."
    ),
    parsed<lane::parse_allowed, &ServeOptions::lane, &LaneConfig::allowed>(
        "--allow",
        "WORD,…",
        "Honour these members of chat requests: model, system, effort, tools. The lane ignores the "
        "others and names them in x-oa-ignored."
    )
        .suggesting(lane::allowed_words),
    flag<&ServeOptions::lane, &LaneConfig::strict_body>(
        "--strict-body", "Refuse chat requests (422) with members that would be ignored."
    ),
    option<&ServeOptions::lane, &LaneConfig::limits, &LaneLimits::completions>(
        "--completions-limit", "N", "Run at most N chat completions (/v1) at once; more get 429."
    )
        .range(1, 100'000)
        .or_else("16"),
    ServeCodex::provider_url,
    ServeCodex::provider_key,
    k_record_options,
    custom<ServeOptions, add_faults>(
        names::inject,
        "KIND=VALUE",
        "Inject a fault into recorded turns: error-rate, malformed, truncate, http-error, "
        "auth-error, forget, stall, drop, latency, gap, slow, kill; seed selects which turns.",
        true
    )
        .suggesting(authority::fault_words),
    option<&ServeOptions::authority, &AuthorityOptions::replay, &ReplayOptions::faults_file>(
        names::inject_file,
        "FILE",
        "Inject the faults of this file, one per line. The file is reread whenever it changes."
    ),
    ServeWorker::control,
    ServeWorker::id,
    ServeWorker::auth,
    option<&ServeOptions::authority, &AuthorityOptions::worker, &WorkerOptions::text>(
        "--worker-text",
        k_texts,
        "Stream text as it arrives (deltas), or only complete parts (items)."
    )
        .or_else("deltas"),
    ServeWorker::client_build,
    ServeWorker::khala_url,
    ServeWorker::wire,
    ServeWorker::topic,
    ServeWorker::khala_auth,
    option<&ServeOptions::ready_file>(
        names::ready_file,
        "FILE",
        "Write this file, as JSON, once requests are accepted. It is removed at the end."
    ),
    option<&ServeOptions::revision>(
        names::revision, "NAME", "Name this deployment. Without it: the variable K_REVISION."
    ),
    option<&ServeOptions::tokens>(
        names::tokens,
        "FILE",
        "Admit the bearers of these tokens: lines sha256:HEX owner=NAME [expires=TIME]. The file "
        "is reread when it changes. Also OA_STREAM_TOKEN."
    ),
    option<&ServeOptions::lane, &LaneConfig::compat>(
        "--compat", k_compat, "Require the handshake headers of clients, or not."
    )
        .or_else("optional"),
    option<&ServeOptions::compat_policy>(
        "--compat-policy", "FILE", "Serve only the clients of this window, in JSON."
    ),
    parsed<read_origin, &ServeOptions::lane, &LaneConfig::cors_origins>(
        "--cors-origin", "ORIGIN", "Let pages of this web origin call the lane. * means any."
    ),
    parsed<lane::read_allowed_host, &ServeOptions::lane, &LaneConfig::allow_hosts>(
        "--allow-host",
        "HOST",
        "Answer requests for this host too: a name, an address, *.NAME for every name below it, or "
        "* for any. Without tokens the lane answers only for this machine and its listeners."
    ),
    option<&ServeOptions::lane, &LaneConfig::mode>(
        "--lane",
        lane::k_lane_modes,
        "Serve (on), answer as the retired bridge (retired), or with 503 (off)."
    )
        .or_else("on"),
    option<&ServeOptions::lane_file>(
        "--lane-file", "FILE", "Read that mode from this file, at start and on SIGHUP."
    ),
    option<&ServeOptions::drain_timeout>(
        "--drain-timeout", "D", "Give live turns this long to end after SIGTERM."
    )
        .or_else("10s"),
    option<&ServeOptions::drain_notice>(
        names::drain_notice,
        "D",
        "With --store: still accept requests for this part of --drain-timeout and answer /readyz "
        "with 503, so that balancers choose other lanes. At most half of --drain-timeout."
    )
        .or_else("5s"),
    option<&ServeOptions::lane, &LaneConfig::timings, &LaneTimings::heartbeat>(
        "--heartbeat", "D", "Send a comment after this much silence on a stream."
    )
        .or_else("15s"),
    option<&ServeOptions::lane, &LaneConfig::timings, &LaneTimings::detach_grace>(
        "--detach-grace", "D", "Stop a turn that has had no reader for this long."
    )
        .or_else("30s"),
    custom<ServeOptions, set_limits>(
        names::limit,
        "NAME=VALUE",
        "Set a limit: streams, streams-here, streams-per-owner, readers-per-turn, text-chars, "
        "json-depth, json-members, json-values, messages, waiting-bodies, turn-log, total-log, "
        "total-answers, max-lag, max-lag-time, turn-time, start-wait, first-event, idle, approval, "
        "tool-result, owner-idle, reconnect, lease, store-wait, store-outage, log-kept, "
        "responses, responses-size, responses-kept, tails, store-inflight, idempotency-time, "
        "authority-away, worker-requests, "
        "body, resend, total-bodies, total-requests, headers, connections, handshake-time, "
        "head-time, body-time, write-time, keep-alive.",
        true
    )
        .suggesting(limit_words),
    option<&ServeOptions::id_map>(
        "--id-map",
        "FILE",
        "Keep the map of client threads to authority threads in this file. With codex the lane "
        "always has a map."
    ),
    parsed<read_store, &ServeOptions::store, &StoreOptions::url>(
        names::store,
        "memory|URL",
        "Share conversations and running turns with other lanes: redis://HOST:PORT/DB (loopback), "
        "rediss://HOST:PORT/DB, redis+unix:/PATH or rediss+sentinel://HOST:PORT,…/NAME. memory, or "
        "without it: this lane is alone."
    ),
    StoreRows<&ServeOptions::store>::user,
    StoreRows<&ServeOptions::store>::password,
    StoreRows<&ServeOptions::store>::ca_file,
    StoreRows<&ServeOptions::store>::prefix,
    StoreRows<&ServeOptions::store>::replica,
    option<&ServeOptions::access_log>(
        names::access_log, "FILE", "Write one line per request to this file. Without it: to stderr."
    ),
    option<&ServeOptions::lane, &LaneConfig::log_format>(
        "--access-log-format", k_formats, "Write the lines in this format."
    )
        .or_else("json"),
    option<&ServeOptions::log_level>(
        "--log-level", k_levels, "Log other events from this level on, to stderr."
    )
        .or_else("info"),
    option<&ServeOptions::log_level_file>(
        "--log-level-file", "FILE", "Read that level from this file, at start and on SIGHUP."
    )
);

} // namespace

const CommandSpec serve_command = command<run>({
    .path = "serve",
    .summary = "Run the lane.",
    .options = k_options,
    .examples =
        {
            "oa-stream serve --listen 127.0.0.1:8080 --authority replay --pace x4",
            "oa-stream serve --authority codex --model gpt-5.5 --tokens /etc/oa-stream/tokens",
            "oa-stream serve --listen 0.0.0.0:8080 --tokens tokens --compat required"
            " --compat-policy p.json",
        },
    .serves = true,
    .about = k_serve_about,
    .also = "start run up server lane daemon",
    .exits =
        {{ExitCode::ok, "A signal ended it, and its turns had ended or ran out of time."},
         {ExitCode::credentials},
         {ExitCode::refused, "Something else has the address, or works on Codex's home."},
         {ExitCode::interrupted, "SIGINT ended it while it started, or a second one at once."},
         {ExitCode::terminated, "SIGTERM ended it while it started, or a second one at once."}},
});

} // namespace oa_stream::cli
