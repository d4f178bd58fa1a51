#include "serve_options.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/text.hpp"

#include "core/version.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::cli {

namespace {

std::string text_of(const Args& args, std::string_view name) {
    return args.get(name).value_or("");
}

Result<Millis> time_of(const Args& args, std::string_view name) {
    auto time = parse_duration(text_of(args, name));
    if (!time) {
        return std::unexpected(std::move(time).error().prefixed(name));
    }
    return *time;
}

std::unexpected<Error>
no_such(std::string_view option, std::string_view given, std::string_view choice) {
    return fail(
        Code::usage,
        fmt::format("'{}' is not possible", printable(given, 40)),
        std::string(option),
        std::string(choice)
    );
}

Result<void> read_authority(const Args& args, ServeOptions& options) {
    const auto name = text_of(args, "--authority");
    const auto* kind = authority::authority_kind(name);
    if (kind == nullptr) {
        return no_such("--authority", name, authority::authority_names());
    }
    if (kind->make == nullptr) {
        return fail(
            Code::usage, std::string(kind->refusal), "--authority", authority::authority_names()
        );
    }
    options.kind = kind;
    return {};
}

Result<void> read_codex(const Args& args, const Context& context, ServeOptions& options) {
    auto& codex = options.authority.codex;
    codex.program = text_of(args, "--codex-bin");
    codex.state_dir = context.state_dir;
    const auto children = parse_count(text_of(args, "--codex-children"), 1, 64);
    if (!children) {
        return std::unexpected(auto(children.error()).prefixed("--codex-children"));
    }
    options.authority.codex_children = static_cast<std::size_t>(*children);
    const auto profile = text_of(args, "--codex-profile");
    if (profile != "chat" && profile != "agent") {
        return no_such("--codex-profile", profile, "chat or agent");
    }
    codex.profile =
        profile == "chat" ? authority::CodexProfile::chat : authority::CodexProfile::agent;
    if (const auto file = args.get("--codex-config")) {
        codex.config_file = *file;
    }
    codex.model = args.get("--model").value_or(codex.model);
    options.lane.model =
        args.get("--model").value_or(std::string(options.kind->model(options.authority)));
    codex.provider_base_url = args.get("--provider-url").value_or(codex.provider_base_url);
    codex.provider_env_key = args.get("--provider-key-env").value_or(codex.provider_env_key);
    codex.deadlines.first_event = options.lane.limits.first_event;
    codex.deadlines.idle = options.lane.limits.idle;
    codex.deadlines.turn = options.lane.limits.turn_wall;
    return {};
}

/// Faults are for recorded turns only: nobody shall break real ones by a forgotten flag.
Result<void> read_replay(const Args& args, ServeOptions& options) {
    auto& replay = options.authority.replay;
    const bool faults = args.has("--inject") || args.has("--inject-file");
    if (faults && !options.kind->takes_faults) {
        return fail(Code::usage, "faults can only be injected into --authority replay", "--inject");
    }
    replay.directory = text_of(args, "--replay");
    OA_TRY(replay.pace, authority::Pace::parse(text_of(args, "--pace")));
    for (const auto& fault : args.all("--inject")) {
        OA_CHECK(authority::add_fault(replay.faults, fault));
    }
    replay.faults_file = text_of(args, "--inject-file");
    return {};
}

Result<void> read_lane(const Args& args, const Context& context, ServeOptions& options) {
    auto& lane = options.lane;
    const auto mode = lane::parse_lane_mode(text_of(args, "--lane"));
    if (!mode) {
        return no_such("--lane", text_of(args, "--lane"), "on, retired or off");
    }
    lane.mode = *mode;
    const auto approvals = lane::parse_approvals(text_of(args, "--approvals"));
    if (!approvals) {
        return no_such("--approvals", text_of(args, "--approvals"), "deny or ask");
    }
    lane.approvals = *approvals;
    OA_TRY(lane.compat, lane::parse_compat_mode(text_of(args, "--compat")));
    lane.version = version();
    lane.revision = args.get("--revision").value_or(context.env("K_REVISION").value_or("dev"));
    if (lane.revision.empty() || lane.revision != printable(lane.revision, 200)) {
        return fail(Code::usage, "a revision is a short plain text", "--revision");
    }
    lane.cors_origins = args.all("--cors-origin");
    OA_TRY(lane.timings.heartbeat, time_of(args, "--heartbeat"));
    OA_TRY(lane.timings.detach_grace, time_of(args, "--detach-grace"));
    OA_TRY(options.drain_timeout, time_of(args, "--drain-timeout"));
    for (const auto& limit : args.all("--limit")) {
        OA_CHECK(set_limit(options, limit));
    }
    const auto completions = parse_count(text_of(args, "--completions-limit"), 1, 100'000);
    if (!completions) {
        return std::unexpected(auto(completions.error()).prefixed("--completions-limit"));
    }
    lane.limits.completions = *completions;
    // Fine enough for the shortest wait, coarse enough to cost nothing with ten thousand streams.
    const auto shortest = std::min(
        {lane.timings.heartbeat,
         lane.timings.detach_grace,
         lane.limits.first_event,
         lane.limits.idle,
         lane.limits.approval,
         lane.limits.turn_wall}
    );
    lane.timings.tick = std::clamp(shortest / 4, Millis(10), Millis(1000));
    return {};
}

Result<void> read_logs(const Args& args, ServeOptions& options) {
    const auto format = lane::parse_log_format(text_of(args, "--access-log-format"));
    if (!format) {
        return no_such(
            "--access-log-format", text_of(args, "--access-log-format"), "json or logfmt"
        );
    }
    options.lane.log_format = *format;
    const auto level = parse_log_level(text_of(args, "--log-level"));
    if (!level) {
        return no_such("--log-level", text_of(args, "--log-level"), "debug, info, warn or error");
    }
    options.log_level = *level;
    options.log_level_file = text_of(args, "--log-level-file");
    return {};
}

} // namespace

Result<ServeOptions> parse_serve_options(const Args& args, const Context& context) {
    ServeOptions options;
    OA_CHECK(read_listeners(args, options.listeners));
    for (const auto& network : args.all("--trusted-proxy")) {
        if (auto added = options.lane.proxies.add(network); !added) {
            return std::unexpected(std::move(added).error().prefixed("--trusted-proxy"));
        }
    }
    OA_CHECK(read_authority(args, options));
    OA_CHECK(read_lane(args, context, options));
    OA_CHECK(read_codex(args, context, options));
    OA_CHECK(read_replay(args, options));
    options.tokens = text_of(args, "--tokens");
    options.compat_policy = text_of(args, "--compat-policy");
    options.lane_file = text_of(args, "--lane-file");
    options.ready_file = text_of(args, "--ready-file");
    options.access_log = text_of(args, "--access-log");
    OA_CHECK(read_logs(args, options));
    options.lane.open_metrics = options.listeners.loopback();
    if (const auto file = args.get("--id-map")) {
        options.id_map = *file;
    } else if (options.kind->keeps_threads) {
        options.id_map = context.state_dir / "lane" / "threads.json";
    }
    return options;
}

} // namespace oa_stream::cli
