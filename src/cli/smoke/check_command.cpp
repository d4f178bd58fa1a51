#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/contract/report.hpp"
#include "oa_stream/contract/rules.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "saved_stream.hpp"
#include "screen/shown.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <tuple>
#include <utility>
#include <vector>

namespace oa_stream::cli {

namespace {

using contract::Profile;

constexpr std::size_t k_read = std::size_t{64} << 10U;
constexpr std::int64_t k_largest_cut = std::int64_t{1} << 30U;

/// Reads a small input file; any error makes it an unreadable input (exit 2).
Result<std::string> read_input(const std::string& path) {
    auto text = read_file(path);
    if (!text) {
        text.error().code = Code::unreadable;
    }
    return text;
}

struct Options {
    std::optional<std::string> file{};
    std::optional<Profile> profile{};
    std::optional<std::string> headers{};
    std::optional<std::string> messages{};
    std::optional<std::string> recording{};
    bool left = false;
    std::size_t chunk_bytes = k_read;
    bool rules = false;
    std::optional<std::string> explain{};
    bool markdown = false;
};

std::span<const std::string_view> profile_names() {
    static const auto k_names = mapped(contract::all_profiles(), [](Profile profile) {
        return contract::to_string(profile);
    });
    return k_names;
}
constexpr auto k_profile =
    parsed<contract::parse_profile, &Options::profile>(
        names::profile,
        "PROFILE",
        "Judge by the rules of ai-sdk, ai-sdk-6, openagents-v1, chat-completions or responses."
    )
        .or_else_text("ai-sdk")
        .suggesting(profile_names);
constexpr auto k_messages = option<&Options::messages>(
    "--messages",
    "FILE",
    "Read the request's messages or body, as JSON, for rule O10 and for calls that they have (T1)."
);
constexpr auto k_recording = option<&Options::recording>(
    "--recording",
    "FILE",
    "Require that the stream, which answers a resume, replays this one (R1-R4)."
);
constexpr auto k_rules = flag<&Options::rules>(
    names::rules, "List the rules and exit. With --profile, list only those of that profile."
);
std::span<const std::string_view> rule_ids() {
    static const auto k_ids = mapped(contract::all_rules(), &contract::Rule::id);
    return k_ids;
}
constexpr auto k_explain =
    option<&Options::explain>(
        names::explain, "ID", "Explain what a rule demands, why, and its source."
    )
        .suggesting(rule_ids);
constexpr auto k_markdown =
    flag<&Options::markdown>("--markdown", "Print the page docs/contract.md. With --rules.");

/// Refuses an input that no rule of the profile judges.
Result<void> check_input(
    const std::optional<std::string>& file,
    std::string_view option,
    contract::Input input,
    Profile profile
) {
    const bool judged = std::ranges::any_of(contract::all_rules(), [&](const auto& rule) {
        return rule.input == input && contract::applies(rule, profile);
    });
    return !file || judged ? Result<void>{}
                           : fail(
                                 Code::usage,
                                 fmt::format("{} does not apply to {}", option, to_string(profile)),
                                 std::string(k_profile.name)
                             );
}

/// `head`: what stood in front of the stream; empty when nothing did.
Result<contract::Judge>
make_judge(const Options& options, Profile profile, const std::string& head) {
    std::optional<contract::Continues> continues;
    const auto& messages = options.messages;
    if (messages) {
        OA_TRY(const std::string text, read_input(*messages));
        OA_TRY(continues, located(contract::parse_messages(text), *messages));
    }
    OA_CHECK(check_input(messages, k_messages.name, contract::Input::messages, profile));
    OA_CHECK(check_input(options.recording, k_recording.name, contract::Input::resume, profile));
    contract::Judge judge(profile, std::move(continues));
    if (messages) {
        judge.messages_known();
    }
    if (const auto& recording = options.recording) {
        OA_TRY(const std::string bytes, read_input(*recording));
        OA_CHECK(located(contract::check_recording(bytes), *recording));
        judge.replays(bytes);
    }
    if (const auto& path = options.headers) {
        OA_TRY(const std::string raw, read_input(*path));
        OA_TRY(const auto given, located(contract::parse_head(raw), *path));
        judge.head(given);
    } else if (!head.empty()) {
        OA_TRY(const auto sent, located(contract::parse_head(head), options.file.value_or("")));
        judge.head(sent);
    }
    return judge;
}

Result<void> feed_all(SavedStream& source, contract::Judge& judge, std::size_t cut) {
    std::vector<char> buffer(k_read);
    while (true) {
        OA_TRY(const std::size_t got, source.read(buffer));
        if (got == 0) {
            return {};
        }
        std::string_view bytes(buffer.data(), got);
        while (!bytes.empty()) {
            judge.feed(bytes.substr(0, cut));
            bytes.remove_prefix(std::min(cut, bytes.size()));
        }
    }
}

/// The data that the probe stored beside the stream; null when there is none.
Json seen_by_probe(const std::string& path) {
    std::filesystem::path beside(path);
    if (beside.extension() != ".sse") {
        return {};
    }
    const auto text = read_file(beside.replace_extension(".probe.json"));
    auto json = text ? parse_json(*text) : std::unexpected(text.error());
    if (!json || string_member(*json, "schema") != "oa-stream.stream.v1") {
        return {};
    }
    return {
        {"outcome", string_member(*json, "outcome").value_or("")},
        {"detail", string_member(*json, "detail").value_or("")},
    };
}

std::string stream_findings_text(const Json& seen) {
    return fmt::format(
        "the probe that kept it: {} ({})\n",
        printable(seen["outcome"].get<std::string>(), 40),
        printable(seen["detail"].get<std::string>())
    );
}

Result<ExitCode> judge_stream(const Options& options, Context& context, const std::string& path) {
    const Profile profile = options.profile.value_or(Profile::ai_sdk);
    OA_TRY(SavedStream source, SavedStream::open(path));
    OA_TRY(const std::string head, source.read_head());
    if (!head.empty() && options.headers) {
        return fail(
            Code::usage,
            fmt::format("{} begins with a response head", source.name()),
            std::string(names::headers),
            fmt::format("omit {}", names::headers)
        );
    }
    OA_TRY(contract::Judge judge, make_judge(options, profile, head));
    const Json seen = seen_by_probe(path);
    if (seen.is_object() && !options.messages) {
        judge.messages_known(); // probes send a user's message
    }
    OA_CHECK(feed_all(source, judge, options.chunk_bytes));
    const bool left = options.left || (seen.is_object() && seen["outcome"] == "cancelled");
    const contract::Judgement judgement =
        judge.finish(left ? contract::End::left : contract::End::unknown);
    if (context.json) {
        Json document = contract::to_json(judgement, profile);
        document["file"] = path;
        document["probe"] = seen;
        // Members of every command's document; a judgement is not a run and leaves no evidence.
        document["run"] = nullptr;
        document["evidence"] = nullptr;
        document["checks"] = Json::array();
        print_document("check", document, context);
    } else if (!judgement.pass() || !context.quiet) {
        show_text(contract::to_text(judgement, profile, source.name()), context);
        if (seen.is_object()) {
            show_text(stream_findings_text(seen), context);
        }
    }
    return judgement.pass() ? ExitCode::ok : ExitCode::breach;
}

Result<ExitCode> list_rules(const Options& options, Context& context) {
    const std::optional<Profile> profile = options.profile;
    if (options.markdown) {
        OA_CHECK(refuse_json(context, k_markdown.name));
        context.out(contract::rules_page());
    } else if (context.json) {
        Json document = plain_answer();
        document["rules"] = Json::array();
        for (const contract::Rule& rule : contract::all_rules()) {
            if (!profile || contract::applies(rule, *profile)) {
                document["rules"].push_back(contract::to_json(rule));
            }
        }
        print_document("check-rules", document, context);
    } else {
        show_text(contract::rules_text(profile), context);
    }
    return ExitCode::ok;
}

Result<ExitCode> explain_rule(const std::string& typed, Context& context) {
    const std::string id = to_upper(typed);
    const contract::Rule* rule = contract::find_rule(id);
    if (rule == nullptr) {
        const auto near = nearest(id, rule_ids());
        return fail(
            Code::usage,
            fmt::format("'{}' is not a rule", printable(typed, 20)),
            std::string(k_explain.name),
            (near ? fmt::format("did you mean {}? ", *near) : "") +
                Suggestion{"check", {names::rules}} + " lists them"
        );
    }
    if (context.json) {
        Json document = plain_answer();
        document.update(contract::to_json(*rule));
        print_document("check-rule", document, context);
    } else {
        show_text(contract::explain(*rule), context);
    }
    return ExitCode::ok;
}

Result<ExitCode> run(const Options& options, Context& context) {
    const auto& [path, explain] = std::tie(options.file, options.explain);
    const int asked = (path ? 1 : 0) + (explain ? 1 : 0) + (options.rules ? 1 : 0);
    if (asked != 1 || (options.markdown && !options.rules)) {
        return fail(
            Code::usage,
            asked > 1    ? "FILE, --rules and --explain exclude each other"
            : asked == 0 ? "nothing to check: FILE is missing"
                         : fmt::format("{} goes with {}", k_markdown.name, k_rules.name),
            {},
            Suggestion{"check", {"FILE"}} + ", or - for standard input"
        );
    }
    if (options.rules) {
        return list_rules(options, context);
    }
    return explain ? explain_rule(*explain, context)
                   : judge_stream(options, context, path.value_or(""));
}

constexpr auto k_positionals =
    positionals<Options>(positional<&Options::file>(
                             "FILE",
                             "A captured stream (or a whole chat completion) as raw bytes, or what "
                             "curl -i printed. - reads "
                             "standard input."
    )
                             .optional());
constexpr auto k_options = options<Options>(
    k_profile,
    option<&Options::headers>(
        names::headers, "FILE", "Read the raw response head, and judge rules H1-H6 and C1-C5."
    ),
    k_messages,
    k_recording,
    flag<&Options::left>(
        "--left", "State that the reader left in the middle. Rules about the end are not judged."
    ),
    option<&Options::chunk_bytes>(
        "--chunk-bytes", "N", "Feed N bytes at a time. The verdict must not depend on it."
    )
        .range(1, k_largest_cut),
    k_rules,
    k_explain,
    k_markdown
);

} // namespace

const CommandSpec check_command = command<run>({
    .path = "check",
    .summary = "Judge a captured stream by the rules of the stream contract.",
    .positionals = k_positionals,
    .options = k_options,
    .examples =
        {
            "oa-stream check out.sse",
            "oa-stream check --headers out.head --messages body.json --json out.sse",
            "oa-stream check --profile openagents-v1 old.sse",
            "oa-stream check --profile chat-completions --headers out.head answer.json",
            "oa-stream check --explain O5",
        },
    .about =
        R"(Judges bytes that were captured earlier, without any network: a stream as it came over the wire, or a
whole chat completion. The rules are the ones by which the lane itself writes and by which the smokes
judge. `--rules` lists them, `--explain O5` shows what a rule requires and its source.

Capture with `curl -sN -D out.head … > out.sse`, so that the response head can be judged too.)",
    .also = "lint judge",
    .exits = {{ExitCode::breach, "The stream breaks a rule that is a must."}},
});

} // namespace oa_stream::cli
