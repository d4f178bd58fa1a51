#include "shadow_args.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/config/units.hpp"

#include "core/commands.hpp"
#include "core/suggestion.hpp"
#include "smoke/smoke_args.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

namespace oa_stream::cli {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view k_codex = "codex";
constexpr std::uint64_t k_largest_seed = 1'000'000'000'000ULL;

std::unexpected<Error> in_option(Error error, std::string option) {
    error.where = std::move(option);
    return std::unexpected(std::move(error));
}

/// The *.jsonl of a folder by name, or the file itself.
Result<std::vector<fs::path>> recordings_at(const std::string& given) {
    std::error_code error;
    if (!fs::is_directory(given, error)) {
        return std::vector<fs::path>{given};
    }
    std::vector<fs::path> files;
    for (auto it = fs::directory_iterator(given, error); !error && it != fs::directory_iterator();
         it.increment(error)) {
        if (it->path().extension() == ".jsonl") {
            files.push_back(it->path());
        }
    }
    if (error || files.empty()) {
        return fail(Code::unreadable, "no recordings (*.jsonl) in the folder", given);
    }
    std::ranges::sort(files);
    return files;
}

/// Of a folder, recordings without a turn are left out; one that was named must have one.
Result<void> read_recordings(const std::string& given, ShadowAsked& out) {
    OA_TRY(const auto files, recordings_at(given));
    const bool folder = files.size() != 1 || files.front() != fs::path(given);
    for (const fs::path& file : files) {
        auto capture = authority::read_capture(file);
        if (!capture && folder && capture.error().code == Code::not_found) {
            continue;
        }
        if (!capture) {
            return std::unexpected(std::move(capture).error());
        }
        if (out.captures.size() == probe::k_most_prompts) {
            return fail(
                Code::usage, fmt::format("more than {} recordings", probe::k_most_prompts), given
            );
        }
        out.captures.push_back(std::make_shared<const authority::Capture>(*std::move(capture)));
    }
    return {};
}

Result<authority::CodexOptions> codex_of(const Args& args, const Context& context) {
    authority::CodexOptions codex;
    codex.program = args.get("--codex-bin").value_or("codex");
    // A lane of this machine may use the state folder's own.
    codex.folder = context.state_dir / "shadow-codex";
    codex.state_dir = context.state_dir;
    const std::string profile = args.get("--codex-profile").value_or("chat");
    if (profile != "chat" && profile != "agent") {
        return fail(
            Code::usage,
            fmt::format("'{}' is not possible", printable(profile, 40)),
            "--codex-profile",
            "chat or agent"
        );
    }
    codex.profile =
        profile == "chat" ? authority::CodexProfile::chat : authority::CodexProfile::agent;
    if (const auto file = args.get("--codex-config")) {
        codex.config_file = *file;
    }
    codex.model = args.get("--model").value_or(codex.model);
    codex.provider_base_url = args.get("--provider-url").value_or(codex.provider_base_url);
    codex.provider_env_key = args.get("--provider-key-env").value_or(codex.provider_env_key);
    return codex;
}

Result<void> read_reference(const Args& args, const Context& context, ShadowAsked& out) {
    const auto natives = args.all("--native");
    const auto against = args.get("--against");
    if (against.has_value() == !natives.empty()) {
        return fail(
            Code::usage,
            against ? "either another lane or the authority, not both" : "compared with what?",
            "--against",
            "--against URL, --native codex or --native FILE"
        );
    }
    if (against) {
        probe::Target reference = out.options.lane;
        reference.connect_to = args.get("--against-connect-to").value_or("");
        OA_TRY(reference.base_url, parse_base_url(*against, "--against"));
        if (const auto auth = args.get("--against-auth")) {
            OA_TRY(reference.bearer, read_secret(*auth));
        }
        out.reference = reference.base_url;
        out.options.reference = std::move(reference);
        return {};
    }
    if (std::ranges::find(natives, k_codex) != natives.end()) {
        if (natives.size() > 1) {
            return fail(Code::usage, "either codex or recordings", "--native");
        }
        OA_TRY(out.codex, codex_of(args, context));
        out.reference = k_codex;
        return {};
    }
    for (const std::string& given : natives) {
        OA_CHECK(read_recordings(given, out));
    }
    out.reference = fmt::format("{} recordings", out.captures.size());
    return {};
}

Result<void> read_prompts(const Args& args, ShadowAsked& out) {
    for (const std::string& text : args.all("--prompt")) {
        if (trim(text).empty()) {
            return fail(Code::usage, "an empty prompt", "--prompt");
        }
        out.options.prompts.push_back({.text = text});
    }
    if (const auto file = args.get("--prompts")) {
        OA_TRY(const std::string text, read_file(*file, 16U << 20U));
        auto prompts = probe::parse_prompts(text);
        if (!prompts) {
            return std::unexpected(std::move(prompts).error().prefixed(*file));
        }
        std::ranges::move(*prompts, std::back_inserter(out.options.prompts));
    }
    out.own_prompts = !out.options.prompts.empty();
    if (out.own_prompts && !out.captures.empty()) {
        return fail(
            Code::usage, "a recording has a prompt already", "--prompt", "leave one of them out"
        );
    }
    return {};
}

Result<void> read_latency(const Args& args, probe::ShadowLatency& out) {
    out.judged = !args.has("--no-latency");
    auto slower = config::read_percent(args.get("--slower-at-most").value_or(""));
    if (!slower) {
        return in_option(std::move(slower).error(), "--slower-at-most");
    }
    out.slower_at_most = *slower;
    OA_TRY(const Millis p95, positive_duration(args, "--p95-delta-at-most"));
    out.p95_delta_at_most_s = std::chrono::duration<double>(p95).count();
    auto unnoticed = parse_duration(args.get("--unnoticed").value_or(""));
    if (!unnoticed) {
        return in_option(std::move(unnoticed).error(), "--unnoticed");
    }
    out.unnoticed_s = std::chrono::duration<double>(*unnoticed).count();
    return {};
}

Result<std::uint64_t>
count_of(const Args& args, const std::string& option, std::uint64_t low, std::uint64_t high) {
    auto count = parse_count(args.get(option).value_or(""), low, high);
    if (!count) {
        return in_option(std::move(count).error(), option);
    }
    return *count;
}

Result<void> read_limits_of_run(const Args& args, ShadowAsked& out) {
    if (args.has("--runs")) {
        OA_TRY(out.options.runs, count_of(args, "--runs", 1, probe::k_most_pairs));
    }
    const std::size_t prompts = std::max({out.options.prompts.size(), out.captures.size(), 3UZ});
    if (out.options.runs * prompts > probe::k_most_pairs) {
        return fail(Code::usage, fmt::format("more than {} pairs", probe::k_most_pairs), "--runs");
    }
    OA_TRY(out.options.seed, count_of(args, "--seed", 0, k_largest_seed));
    return {};
}

} // namespace

Result<ShadowAsked> parse_shadow(const Args& args, const Context& context) {
    ShadowAsked out;
    auto& options = out.options;
    OA_TRY(
        options.lane,
        parse_target(
            args,
            "lane",
            "oa-stream shadow --base-url http://127.0.0.1:8081 --against http://127.0.0.1:8080"
        )
    );
    OA_TRY(options.limits, parse_limits(args));
    auto compare = probe::parse_compare(args.get("--compare").value_or("text"));
    if (!compare) {
        return in_option(std::move(compare).error(), "--compare");
    }
    options.compare = *compare;
    OA_CHECK(read_reference(args, context, out));
    OA_CHECK(read_prompts(args, out));
    OA_CHECK(read_latency(args, options.latency));
    OA_CHECK(read_limits_of_run(args, out));
    const auto ignored = args.all("--ignore");
    std::ranges::copy(ignored, std::back_inserter(options.ignored));
    options.id_prefix = args.get("--id-prefix").value_or("shadow");
    out.again = Typed{&shadow_command, args}.text();
    return out;
}

} // namespace oa_stream::cli
