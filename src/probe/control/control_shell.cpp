// The web shell's files: manifest, service worker and the scripts that the manifest names.
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include "control_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace oa_stream::probe {
namespace {

constexpr std::string_view k_manifest_version = "openagents.webshell.v2";
/// Limit of scripts requested, one after the other: a shell has about a hundred chunks, but a
/// manifest of 4 MiB could name a hundred thousand.
constexpr std::size_t k_most_scripts = 1000;
constexpr std::size_t k_largest_script = 32U << 20U;
constexpr std::uint64_t k_year_s = 31536000;
constexpr std::size_t k_shortest_hash = 8;

/// One cache-control directive; its value is empty when it has none.
std::optional<std::string_view> directive(std::string_view list, std::string_view name) {
    while (!list.empty()) {
        const std::string_view one = trim(cut_until(list, ','));
        const std::size_t equals = one.find('=');
        if (iequals(trim(one.substr(0, equals)), name)) {
            return equals == std::string_view::npos ? std::string_view{}
                                                    : trim(one.substr(equals + 1));
        }
    }
    return std::nullopt;
}

std::string quoted_or_none(std::string_view value) {
    return value.empty() ? std::string("none") : "\"" + printable(value, 80) + "\"";
}

std::string never_cached(const Answer& answer) {
    const std::string_view value = answer.header("cache-control");
    return directive(value, "no-cache") ? std::string()
                                        : fmt::format(
                                              "cache-control of {} {}: expected no-cache, saw {}",
                                              answer.method,
                                              answer.path,
                                              quoted_or_none(value)
                                          );
}

/// A name with 8 or more consecutive hex digits contains a hash of the file's content.
bool hashed(std::string_view path) {
    std::size_t run = 0;
    for (const char c : path.substr(path.rfind('/') + 1)) {
        run = std::isxdigit(static_cast<unsigned char>(c)) != 0 ? run + 1 : 0;
        if (run >= k_shortest_hash) {
            return true;
        }
    }
    return false;
}

std::string cached(const Answer& answer) {
    const std::string_view value = answer.header("cache-control");
    const auto age = directive(value, "max-age");
    const auto seconds = age ? parse_count(*age, 0, 1U << 31U) : Result<std::uint64_t>(0);
    const bool immutable = directive(value, "immutable").has_value();
    std::string_view expected;
    if (hashed(answer.path)) {
        const bool good = immutable && age && seconds && *seconds >= k_year_s;
        expected = good ? "" : "immutable and a max-age of a year";
    } else {
        const bool good = age && seconds && !immutable;
        expected = good ? "" : "a max-age and not immutable, the name holds no hash";
    }
    return expected.empty() ? std::string()
                            : fmt::format(
                                  "cache-control of {} {}: expected {}, saw {}",
                                  answer.method,
                                  answer.path,
                                  expected,
                                  quoted_or_none(value)
                              );
}

std::string wrong_script(const Answer& answer) {
    if (std::string wrong = answer.wrong(200); !wrong.empty()) {
        return fmt::format("{}: {}", answer.path, wrong);
    }
    const std::string_view type = answer.header("content-type");
    const auto media = media_type_of(type);
    if (media != "text/javascript" && media != "application/javascript") {
        return fmt::format(
            "{}: expected a script, saw content-type {}", answer.path, quoted_or_none(type)
        );
    }
    // A single-page server returns its page for anything that does not exist.
    if (trim(answer.response.body).empty() || trim(answer.response.body).starts_with('<')) {
        return fmt::format(
            "{}: expected a script, saw {}",
            answer.path,
            quoted_or_none(answer.response.body.substr(0, 40))
        );
    }
    return {};
}

std::string unlike(const Answer& head, const Answer& get) {
    if (head.status() != get.status()) {
        return fmt::format(
            "HEAD {}: expected HTTP {}, saw {}", get.path, get.status(), head.seen()
        );
    }
    for (const std::string_view name : {"content-type", "cache-control", "etag"}) {
        if (head.header(name) != get.header(name)) {
            return fmt::format(
                "HEAD {}: expected {} {} as of GET, saw {}",
                get.path,
                name,
                quoted_or_none(get.header(name)),
                quoted_or_none(head.header(name))
            );
        }
    }
    const std::string_view length = head.header("content-length");
    const bool whole = !get.response.headers.has("content-encoding");
    if (!length.empty() && whole && length != std::to_string(get.response.body.size())) {
        return fmt::format(
            "HEAD {}: expected content-length {}, saw {}",
            get.path,
            get.response.body.size(),
            quoted_or_none(length)
        );
    }
    return {};
}

/// Every script of the manifest, at any depth: "js": "a.js" or "js": ["a.js", "b.js"].
void collect(const Json& json, std::vector<std::string>& out) {
    const auto take = [&](const Json& value) {
        if (!value.is_string()) {
            return;
        }
        auto name = value.get<std::string>();
        add_once(out, std::move(name));
    };
    if (json.is_array()) {
        for (const Json& item : json) {
            collect(item, out);
        }
    }
    if (!json.is_object()) {
        return;
    }
    for (const auto& [key, value] : json.items()) {
        if (key == "js" && value.is_array()) {
            std::ranges::for_each(value, take);
        } else if (key == "js" && value.is_string()) {
            take(value);
        } else {
            collect(value, out);
        }
    }
}

/// A path of this service; empty for anything else.
std::string script_path(const std::string& name) {
    const bool strange = name.empty() || name.contains("..") || name.contains("//") ||
                         name.contains(':') || std::ranges::any_of(name, [](unsigned char c) {
                             return c <= ' ' || c >= 0x7f || c == '?' || c == '#' || c == '\\';
                         });
    if (strange) {
        return {};
    }
    return name.starts_with('/') ? name : "/" + name;
}

struct File {
    std::string rule; ///< "shell.worker"
    std::string path;
};

/// GET and HEAD of one file: judges its cache and head rules, and returns the answer to GET.
Task<Answer> look_at(ControlRunPtr run, File file) {
    const Question get{.path = file.path, .as = As::anyone};
    Answer answer = co_await ControlRun::ask(run, file.rule, get);
    if (answer.status() != 200) {
        run->skip(file.rule + "-cache", "GET gave no file: " + answer.seen());
        run->skip(file.rule + "-head", "GET gave no file: " + answer.seen());
        co_return answer;
    }
    Question head = get;
    head.method = "HEAD";
    std::string wrong = never_cached(answer);
    if (!run->left_out(file.rule + "-head", head)) {
        const Answer second = co_await ControlRun::ask(run, file.rule + "-head", head);
        wrong = wrong.empty() && second.status() == 200 ? never_cached(second) : wrong;
        run->judge(file.rule + "-head", second, unlike(second, answer), "HEAD and GET agree");
    }
    run->judge(file.rule + "-cache", answer, std::move(wrong), "no-cache");
    co_return answer;
}

Task<std::vector<std::string>> manifest(ControlRunPtr run) {
    std::vector<std::string> scripts;
    if (run->given_up()) {
        co_return scripts;
    }
    const Answer answer = co_await look_at(run, {"shell.manifest", "/manifest.json"});
    std::string wrong = answer.wrong(200);
    if (wrong.empty() && (!answer.json || !answer.json->is_object())) {
        wrong = "expected JSON, saw " + quoted_or_none(answer.response.body.substr(0, 40));
    }
    if (wrong.empty()) {
        const Json* version = member(answer.tree(), "manifestVersion");
        if (version == nullptr || *version != k_manifest_version) {
            wrong = fmt::format(
                "manifestVersion: expected \"{}\", saw {}", k_manifest_version, kind_of(version)
            );
        }
        collect(answer.tree(), scripts);
    }
    if (wrong.empty() && scripts.empty()) {
        wrong = "js: expected at least one script, saw none";
    }
    run->judge(
        "shell.manifest",
        answer,
        std::move(wrong),
        fmt::format("{}, {} scripts", k_manifest_version, scripts.size())
    );
    co_return scripts;
}

Task<void> worker(ControlRunPtr run) {
    if (run->given_up()) {
        co_return;
    }
    const Answer answer = co_await look_at(run, {"shell.worker", "/sw.js"});
    run->judge("shell.worker", answer, wrong_script(answer), "HTTP 200, a script");
}

/// The first fault found in the scripts so far, and its answer.
struct FirstWrong {
    std::string wrong{};
    Answer answer{}; ///< the last good one if there is no fault
    bool any = false;

    void add(std::string more, const Answer& of) {
        if (wrong.empty()) {
            wrong = std::move(more);
            answer = of;
        }
        any = true;
    }
};
struct Findings {
    FirstWrong there, cache, head;
};

Task<void> script(ControlRunPtr run, std::string path, std::size_t number, Findings* out) {
    const std::string suffix = fmt::format("-{}", number);
    Question what{.path = path, .as = As::anyone};
    what.suffix = suffix;
    what.max_body = k_largest_script;
    what.keep_body = false;
    const Answer get = co_await ControlRun::ask(run, "shell.assets", what);
    out->there.add(wrong_script(get), get);
    if (get.status() != 200) {
        co_return;
    }
    out->cache.add(cached(get), get);
    if (run->options.probes && !run->given_up()) {
        what.method = "HEAD";
        const Answer head = co_await ControlRun::ask(run, "shell.assets-head", what);
        out->head.add(unlike(head, get), head);
        if (head.status() == 200) {
            out->cache.add(cached(head), head);
        }
    }
}

/// Scripts that were not requested are unknown: a result for only some is not a PASS.
void conclude(
    ControlRun& run, std::string_view name, FirstWrong found, std::size_t looked, std::size_t all
) {
    std::string good = fmt::format("{} of {} scripts looked at", looked, all);
    if (looked < all && found.wrong.empty()) {
        run.report(name, Verdict::inconclusive, std::move(good), found.answer.facts());
    } else {
        run.judge(name, found.answer, std::move(found.wrong), std::move(good));
    }
}

Task<void> assets(ControlRunPtr run, std::vector<std::string> scripts) {
    constexpr std::array<std::string_view, 3> k_names{
        "shell.assets", "shell.assets-cache", "shell.assets-head"
    };
    if (run->given_up()) {
        co_return;
    }
    if (scripts.empty()) {
        for (const std::string_view name : k_names) {
            run->skip(name, "the manifest names no script");
        }
        co_return;
    }
    Findings found;
    const std::size_t count = std::min(scripts.size(), k_most_scripts);
    for (std::size_t i = 0; i < count && !run->given_up(); ++i) {
        const std::string path = script_path(scripts[i]);
        if (path.empty()) {
            found.there.add(
                fmt::format("expected scripts of this service, saw {}", quoted_or_none(scripts[i])),
                found.there.answer
            );
            continue;
        }
        co_await script(run, path, i + 1, &found);
    }
    conclude(*run, "shell.assets", found.there, count, scripts.size());
    if (found.cache.any) {
        conclude(*run, "shell.assets-cache", found.cache, count, scripts.size());
    } else {
        run->skip("shell.assets-cache", "no script was there");
    }
    if (found.head.any) {
        conclude(*run, "shell.assets-head", found.head, count, scripts.size());
    } else {
        run->skip(
            "shell.assets-head",
            run->options.probes ? "no script was there" : "only GETs were asked for"
        );
    }
}

} // namespace

Task<void> control_shell(ControlRunPtr run) {
    if (run->options.profile == ControlProfile::api_only) {
        for (const SmokeRule& rule : control_rules()) {
            if (rule.name.starts_with("shell.")) {
                run->not_applicable(rule.name, "profile api-only: no web shell is served here");
            }
        }
        co_return;
    }
    auto scripts = co_await manifest(run);
    co_await worker(run);
    co_await assets(run, std::move(scripts));
}

} // namespace oa_stream::probe
