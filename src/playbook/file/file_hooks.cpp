// Keys of hooks, which receive a run's events.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/lists.hpp"

#include "file_keys.hpp"
#include "words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace oa_stream::playbook {
namespace file {
namespace {

using namespace config;

constexpr std::array<std::string_view, 3> k_hook_forms{"run", "webhook", "webhook_from"};
constexpr auto k_hook_keys = keys<HookSpec>(
    text<&HookSpec::id>(
        "id", Need::optional, "Its name in messages and evidence; `hook-1`, `hook-2`, … if absent."
    ),
    texts<&HookSpec::run>(
        "run",
        Need::optional,
        "Program and arguments; gets the event as JSON on stdin. Never run by a shell."
    ),
    texts<&HookSpec::env>(
        "env",
        Need::optional,
        "Of a program: variables of oa-stream's environment that it gets in addition to PATH, "
        "HOME, USER, LANG, LC_ALL, TZ and TMPDIR."
    ),
    text<&HookSpec::webhook>(
        "webhook", Need::optional, "URL that gets the event as JSON by POST; left out when empty."
    ),
    auth<&HookSpec::webhook_from>(
        "webhook_from", Need::optional, "The same, for a URL that is a secret."
    ),
    auth<&HookSpec::key>(
        "key", Need::optional, "Key that signs what a webhook gets (HMAC-SHA256)."
    ),
    text<&HookSpec::ca>(
        "ca", Need::optional, "Of a webhook: the certificate authority to trust (PEM file)."
    ),
    words<&HookSpec::on, k_hook_words>(
        "on", Need::optional, "Which events; all but `before-stage` if absent."
    ),
    duration<&HookSpec::timeout>(
        "timeout", Need::optional, "For one event, with all tries; at most 10m."
    )
        .or_else("30s"),
    boolean<&HookSpec::required>(
        "required",
        Need::optional,
        "`true`: the run waits for the hook before each stage, and a hook that fails stops it. "
        "Needs `on: before-stage`."
    )
        .or_else("false")
);

} // namespace

constinit const Section<HookSpec> k_hook{
    {.name = "hook",
     .help = "Gets a run's events; never changes its verdict unless it is required. Exactly one "
             "of run, webhook and webhook_from.",
     .keys = k_hook_keys,
     .exactly_one = k_hook_forms}
};

std::vector<HookSpec> read_hooks(const Node& node) {
    std::vector<HookSpec> out;
    for (const Node& item : node.list()) {
        const YamlNode* url = item.yaml().find("webhook");
        const bool off = url != nullptr && url->kind == YamlKind::scalar && url->text.empty();
        HookSpec hook;
        if (!off) {
            read_section(item, k_hook, hook);
            hook.id = hook.id.empty() ? fmt::format("hook-{}", out.size() + 1) : hook.id;
            out.push_back(std::move(hook));
        }
    }
    return out;
}

} // namespace file

namespace {

constexpr std::size_t k_longest_id = 40;

bool is_id(std::string_view text) {
    return !text.empty() && text.size() <= k_longest_id && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
}

/// The first error: key and sentence.
std::pair<std::string_view, std::string> problem_of(const HookSpec& hook) {
    const bool program = !hook.run.empty();
    const bool url = hook.webhook.starts_with("http://") || hook.webhook.starts_with("https://");
    if (!is_id(hook.id)) {
        return {"id", "letters a to z, digits, - and _, at most 40"};
    }
    if (!program && !hook.webhook_from && !url && !hook.webhook.contains("${")) {
        return {"webhook", "expected a URL of http or https"};
    }
    if (hook.webhook.contains('@') && hook.webhook.find('@') < hook.webhook.find('/', 8)) {
        return {"webhook", "the URL contains credentials: use webhook_from"};
    }
    if (program && (hook.key || !hook.ca.empty())) {
        return {hook.key ? "key" : "ca", "belongs to a webhook"};
    }
    if (!program && !hook.env.empty()) {
        return {"env", "belongs to a program"};
    }
    if (hook.timeout <= Millis(0) || hook.timeout > k_longest_hook) {
        return {"timeout", "must be above 0 and at most 10m"};
    }
    if (hook.required && !is_notified(hook, HookEvent::before_stage)) {
        return {"required", "only a hook with on: before-stage can stop a run"};
    }
    return {};
}

} // namespace

bool is_notified(const HookSpec& hook, HookEvent event) noexcept {
    return hook.on.empty() ? event != HookEvent::before_stage
                           : contains(hook.on, word_at(k_hook_words, event));
}

std::vector<Error> hook_problems(const std::vector<HookSpec>& hooks) {
    std::vector<Error> out;
    std::set<std::string_view> ids;
    for (std::size_t i = 0; i < hooks.size(); ++i) {
        auto [key, message] = problem_of(hooks[i]);
        if (key.empty() && !ids.insert(hooks[i].id).second) {
            key = "id";
            message = fmt::format("'{}' is given twice", hooks[i].id);
        }
        if (!key.empty()) {
            out.push_back({Code::config, message, fmt::format("hooks[{}].{}", i, key), {}});
        }
    }
    return out;
}

} // namespace oa_stream::playbook
