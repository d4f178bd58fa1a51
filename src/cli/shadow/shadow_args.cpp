#include "shadow_args.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace oa_stream::cli {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view k_codex = "codex";

/// The *.jsonl files of a folder by name, or the file itself.
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

/// In a folder, recordings without a turn are left out; a named recording must have one.
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

Result<void> read_reference(const ShadowGiven& given, const Context& context, ShadowAsked& out) {
    const auto& natives = given.natives;
    if (given.against.has_value() == !natives.empty()) {
        return fail(
            Code::usage,
            given.against ? "compare with another lane or with the authority, not both"
                          : "no reference was named",
            std::string(names::against),
            "give --against URL, --native codex or --native FILE"
        );
    }
    if (given.against) {
        probe::Target reference = out.options.lane;
        reference.connect_to = given.against_connect_to;
        reference.base_url = *given.against;
        reference.bearer = given.against_auth.value_or(reference.bearer);
        out.reference = reference.base_url;
        out.options.reference = std::move(reference);
        return {};
    }
    if (contains(natives, k_codex)) {
        if (natives.size() > 1) {
            return fail(Code::usage, "name either codex or recordings", std::string(names::native));
        }
        out.codex = given.codex;
        // A lane on this machine may use the state folder's own Codex folder.
        out.codex->folder = context.state_dir / "shadow-codex";
        out.codex->state_dir = context.state_dir;
        out.reference = k_codex;
        return {};
    }
    for (const std::string& native : natives) {
        OA_CHECK(read_recordings(native, out));
    }
    if (out.captures.empty()) {
        return fail(Code::unreadable, "no recording has a turn", std::string(names::native));
    }
    out.reference = fmt::format("{} recordings", out.captures.size());
    return {};
}

Result<void> read_prompts(const ShadowGiven& given, ShadowAsked& out) {
    for (const std::string& text : given.prompts) {
        if (trim(text).empty()) {
            return fail(Code::usage, "a prompt is empty", std::string(names::prompt));
        }
        out.options.prompts.push_back({.text = text});
    }
    if (given.prompts_file) {
        OA_TRY(const std::string text, read_file(*given.prompts_file, 16U << 20U));
        OA_TRY(auto prompts, prefixed(probe::parse_prompts(text), *given.prompts_file));
        std::ranges::move(prompts, std::back_inserter(out.options.prompts));
    }
    out.own_prompts = !out.options.prompts.empty();
    if (out.own_prompts && !out.captures.empty()) {
        return fail(
            Code::usage,
            "a recording has its own prompt",
            std::string(names::prompt),
            "leave one of them out"
        );
    }
    const std::size_t prompts = std::max({out.options.prompts.size(), out.captures.size(), 3UZ});
    if (out.options.runs * prompts > probe::k_most_pairs) {
        return fail(
            Code::usage,
            fmt::format("more than {} pairs", probe::k_most_pairs),
            std::string(names::runs)
        );
    }
    return {};
}

} // namespace

Result<ShadowAsked> complete_shadow(ShadowGiven given, const Context& context) {
    OA_CHECK(given.check_target(
        "lane",
        {"shadow",
         {names::base_url, "http://127.0.0.1:8081", names::against, "http://127.0.0.1:8080"}}
    ));
    ShadowAsked out = std::move(given.asked);
    auto& options = out.options;
    options.lane = given.target;
    options.limits = given.limits;
    OA_CHECK(read_reference(given, context, out));
    OA_CHECK(read_prompts(given, out));
    std::ranges::copy(given.ignored, std::back_inserter(options.ignored));
    return out;
}

Result<double> read_seconds(std::string_view text) {
    OA_TRY(const Millis time, parse_duration(text));
    return seconds(time);
}

} // namespace oa_stream::cli
