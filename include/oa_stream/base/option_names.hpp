// Names of our own options that stand in command lines and messages away from their rows, and the
// mark of the options of other programs. A unit test checks each name against the option tables.
#pragma once

namespace oa_stream {

/// An option of another program.
[[nodiscard]] consteval const char* foreign_option(const char* name) {
    return name;
}

namespace names {

inline constexpr const char* mark = "--"; ///< begins an option, or ends them

inline constexpr const char* accept_mixture = "--accept-mixture";
inline constexpr const char* access_log = "--access-log";
inline constexpr const char* admin = "--admin";
inline constexpr const char* against = "--against";
inline constexpr const char* allow_root = "--allow-root";
inline constexpr const char* apply = "--apply";
inline constexpr const char* approvals = "--approvals";
inline constexpr const char* asserted_budget = "--asserted-budget";
inline constexpr const char* auth = "--auth";
inline constexpr const char* authority = "--authority";
inline constexpr const char* backend = "--backend";
inline constexpr const char* base_url = "--base-url";
inline constexpr const char* by = "--by";
inline constexpr const char* ca = "--ca";
inline constexpr const char* cert = "--cert";
inline constexpr const char* codex_bin = "--codex-bin";
inline constexpr const char* codex_children = "--codex-children";
inline constexpr const char* codex_profile = "--codex-profile";
inline constexpr const char* codex_server = "--codex-server";
inline constexpr const char* codex_token = "--codex-token";
inline constexpr const char* cohort = "--cohort";
inline constexpr const char* compat_build = "--compat-build";
inline constexpr const char* compat_protocol = "--compat-protocol";
inline constexpr const char* compat_schema = "--compat-schema";
inline constexpr const char* compress_threads = "--compress-threads";
inline constexpr const char* detach = "--detach";
inline constexpr const char* domain = "--domain";
inline constexpr const char* drain_notice = "--drain-notice";
inline constexpr const char* emit = "--emit";
inline constexpr const char* each_gate = "--each-gate";
inline constexpr const char* expect = "--expect";
inline constexpr const char* explain = "--explain";
inline constexpr const char* fault = "--fault";
inline constexpr const char* first_byte = "--first-byte";
inline constexpr const char* first_content = "--first-content";
inline constexpr const char* header = "--header";
inline constexpr const char* headers = "--headers";
inline constexpr const char* help = "--help";
inline constexpr const char* id_prefix = "--id-prefix";
inline constexpr const char* include_probes = "--include-probes";
inline constexpr const char* inject = "--inject";
inline constexpr const char* inject_file = "--inject-file";
inline constexpr const char* keep_threads = "--keep-threads";
inline constexpr const char* key = "--key";
inline constexpr const char* khala_auth = "--khala-auth";
inline constexpr const char* khala_url = "--khala-url";
inline constexpr const char* limit = "--limit";
inline constexpr const char* listen = "--listen";
inline constexpr const char* local = "--local";
inline constexpr const char* maintenance_cookie = "--maintenance-cookie";
inline constexpr const char* match = "--match";
inline constexpr const char* max_in_flight = "--max-in-flight";
inline constexpr const char* min_bad = "--min-bad";
inline constexpr const char* min_total = "--min-total";
inline constexpr const char* native = "--native";
inline constexpr const char* ndjson = "--ndjson";
inline constexpr const char* no_probes = "--no-probes";
inline constexpr const char* objective = "--objective";
inline constexpr const char* older_than = "--older-than";
inline constexpr const char* once = "--once";
inline constexpr const char* out = "--out";
inline constexpr const char* p95_delta_at_most = "--p95-delta-at-most";
inline constexpr const char* partial = "--partial";
inline constexpr const char* profile = "--profile";
inline constexpr const char* prometheus = "--prometheus";
inline constexpr const char* prompt = "--prompt";
inline constexpr const char* prompts = "--prompts";
inline constexpr const char* rate = "--rate";
inline constexpr const char* read_dir = "--read-dir";
inline constexpr const char* ready_file = "--ready-file";
inline constexpr const char* reason = "--reason";
inline constexpr const char* reopen = "--reopen";
inline constexpr const char* replay = "--replay";
inline constexpr const char* revision = "--revision";
inline constexpr const char* revision_label = "--revision-label";
inline constexpr const char* route = "--route";
inline constexpr const char* rules = "--rules";
inline constexpr const char* run = "--run";
inline constexpr const char* runs = "--runs";
inline constexpr const char* set = "--set";
inline constexpr const char* shared_workspace = "--shared-workspace";
inline constexpr const char* stall = "--stall";
inline constexpr const char* state_dir = "--state-dir";
inline constexpr const char* store = "--store";
inline constexpr const char* store_ca = "--store-ca";
inline constexpr const char* store_password = "--store-password";
inline constexpr const char* store_user = "--store-user";
inline constexpr const char* take_over = "--take-over";
inline constexpr const char* timeout = "--timeout";
inline constexpr const char* tls_cert = "--tls-cert";
inline constexpr const char* tls_key = "--tls-key";
inline constexpr const char* tokens = "--tokens";
inline constexpr const char* trace = "--trace";
inline constexpr const char* version = "--version";
inline constexpr const char* wait_for = "--wait-for";
inline constexpr const char* weights = "--weights";
inline constexpr const char* window = "--window";
inline constexpr const char* work_dir = "--work-dir";
inline constexpr const char* work_dir_template = "--work-dir-template";
inline constexpr const char* worker_auth = "--worker-auth";
inline constexpr const char* worker_control = "--worker-control";
inline constexpr const char* worker_id = "--worker-id";
inline constexpr const char* yes_load = "--yes-load";

} // namespace names
} // namespace oa_stream
