#include "slo_args.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/config/units.hpp"
#include "oa_stream/playbook/file.hpp"

#include "smoke/smoke_args.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace oa_stream::cli {
namespace {

constexpr std::uint64_t k_most_events = 1'000'000;

template <class T> Result<T> in_option(Result<T> value, std::string_view option) {
    if (!value) {
        return std::unexpected(std::move(value).error().prefixed(option));
    }
    return value;
}

/// As a playbook's source says it, where no flag says otherwise.
struct Said {
    std::string user{};
    std::optional<playbook::AuthRef> auth{};
    std::string ca{};
    std::string matchers{};
    std::string revision_label{};
    std::optional<Millis> timeout{};
    Millis stale_after{0};
};

Result<Secret> secret_of(const std::optional<playbook::AuthRef>& auth) {
    if (!auth) {
        return Secret();
    }
    auto secret = read_secret(auth->reference);
    const bool absent = !secret && secret.error().code == Code::credentials;
    return absent && !auth->required ? Result<Secret>(Secret()) : secret;
}

Result<measure::PrometheusOptions>
prometheus_of(const Args& args, std::string url, const Said& said) {
    measure::PrometheusOptions out;
    out.url = std::move(url);
    out.user = args.get("--user").value_or(said.user);
    auto auth = said.auth;
    if (const auto reference = args.get("--auth")) {
        auth = playbook::AuthRef{*reference, true};
    }
    OA_TRY((out.user.empty() ? out.bearer : out.password), secret_of(auth));
    out.ca_file = args.get("--ca").value_or(said.ca);
    out.matchers = args.get("--match").value_or(said.matchers);
    out.revision_label = args.get("--revision-label").value_or(said.revision_label);
    OA_TRY(out.timeout, positive_duration(args, "--timeout"));
    if (said.timeout && !args.has("--timeout")) {
        out.timeout = *said.timeout;
    }
    out.deadline = 3 * out.timeout;
    out.stale_after_s = seconds(said.stale_after);
    if (args.has("--stale-after")) {
        OA_TRY(const Millis stale, positive_duration(args, "--stale-after"));
        out.stale_after_s = seconds(stale);
    }
    OA_CHECK(measure::check(out));
    return out;
}

Result<measure::Fraction> exact(double share) {
    return measure::Fraction::parse(fmt::format("{:.9g}", share));
}

Result<Slo> slo_of(const playbook::SloSpec& spec) {
    Slo out;
    out.budget.name = spec.name;
    OA_TRY(out.budget.objective, exact(spec.objective));
    out.budget.window_s = seconds(spec.window);
    OA_TRY(
        out.question.bad, measure::parse_bad_events(fmt::format("{}", fmt::join(spec.bad, " | ")))
    );
    out.question.slower_than_s = spec.first_content_s;
    out.question.routes = spec.routes;
    return out;
}

Result<Slo> slo_of_flags(const Args& args) {
    Slo out;
    OA_TRY(
        out.budget.objective, parse_share(args.get("--objective").value_or("99.9%"), "--objective")
    );
    OA_TRY(const Millis window, positive_duration(args, "--window"));
    out.budget.window_s = seconds(window);
    OA_TRY(
        out.question.bad,
        in_option(measure::parse_bad_events(args.get("--bad").value_or("")), "--bad")
    );
    out.budget.name = "stream-good";
    if (const auto time = args.get("--first-content")) {
        if (args.has("--bad")) {
            return fail(
                Code::usage, "bad is what --bad or what --first-content says", "--first-content"
            );
        }
        OA_TRY(const Millis limit, positive_duration(args, "--first-content"));
        out.question.slower_than_s = seconds(limit);
        out.budget.name = "stream-first-content";
    }
    return out;
}

Result<playbook::Playbook> playbook_of(const Args& args, const std::string& name) {
    OA_TRY(const auto set, config::parse_settings(args.all("--set")));
    OA_TRY(const playbook::NamedText source, playbook::find_playbook(name));
    auto loaded = playbook::load_playbook(source.text, source.file, set, playbook::Unset::keep);
    if (!loaded.playbook) {
        return fail(
            Code::config,
            loaded.problems.empty() ? "not a playbook" : loaded.problems.front().text(),
            source.file
        );
    }
    return std::move(*loaded.playbook);
}

/// The first source of users' requests that the playbook names; one whose variable has no value is
/// none.
Result<std::optional<SloSource>> source_of(const Args& args, const playbook::Playbook& playbook) {
    const auto open = [](const std::string& text) { return text.empty() || text.contains("${"); };
    for (const playbook::SourceSpec& spec : playbook.sources) {
        SloSource out;
        if (spec.kind == playbook::SourceKind::prometheus && !open(spec.url)) {
            const Said said{
                .user = spec.user,
                .auth = spec.auth,
                .ca = spec.ca,
                .matchers = spec.matchers,
                .revision_label = spec.revision_label,
                .timeout = spec.timeout,
                .stale_after = spec.stale_after
            };
            OA_TRY(out.prometheus, prometheus_of(args, spec.url, said));
            return std::optional(std::move(out));
        }
        if (spec.kind == playbook::SourceKind::access_log && !spec.paths.empty() &&
            std::ranges::none_of(spec.paths, open)) {
            out.access_logs.assign(spec.paths.begin(), spec.paths.end());
            out.stale_after_s = seconds(spec.stale_after);
            return std::optional(std::move(out));
        }
    }
    return std::nullopt;
}

Result<void> add_of_playbook(const Args& args, const std::string& name, SloOrder& out) {
    OA_TRY(const playbook::Playbook playbook, playbook_of(args, name));
    const auto wanted = args.all("--slo");
    for (const playbook::SloSpec& spec : playbook.slo) {
        if (wanted.empty() || std::ranges::find(wanted, spec.name) != wanted.end()) {
            OA_TRY(Slo slo, slo_of(spec));
            out.slos.push_back(std::move(slo));
        }
    }
    if (out.slos.empty()) {
        return fail(
            Code::usage,
            wanted.empty() ? "this playbook has no objectives (slo:)"
                           : "this playbook has no such objective",
            name
        );
    }
    if (playbook.budget) {
        out.consumed_at_most = playbook.budget->consumed_at_most;
    }
    if (!args.has("--prometheus") && !args.has("--access-log")) {
        OA_TRY(auto source, source_of(args, playbook));
        if (source) {
            out.source = std::move(*source);
        }
    }
    return {};
}

} // namespace

std::string SloSource::text() const {
    return prometheus ? prometheus->url : access_logs.empty() ? "" : access_logs.front().string();
}

Result<measure::Fraction> parse_share(const std::string& text, const std::string& option) {
    const bool percent = text.ends_with('%');
    const auto parsed =
        measure::Fraction::parse(std::string_view(text).substr(0, text.size() - (percent ? 1 : 0)));
    if (!parsed || !percent) {
        return fail(
            Code::usage, fmt::format("'{}' is no share", printable(text, 40)), option, "like 99.9%"
        );
    }
    const measure::Fraction out{parsed->num, parsed->den * 100};
    return out;
}

Result<SloSource> parse_slo_source(const Args& args) {
    SloSource out;
    const auto url = args.get("--prometheus");
    for (const std::string& file : args.all("--access-log")) {
        out.access_logs.emplace_back(file);
    }
    if (url.has_value() == !out.access_logs.empty()) {
        return fail(
            Code::usage,
            url ? "one source at a time: --prometheus or --access-log"
                : "whom to ask? --prometheus URL or --access-log FILE is missing",
            {},
            "--prometheus http://127.0.0.1:9090"
        );
    }
    if (url) {
        OA_TRY(out.prometheus, prometheus_of(args, *url, {}));
    } else if (args.has("--stale-after")) {
        OA_TRY(const Millis stale, positive_duration(args, "--stale-after"));
        out.stale_after_s = seconds(stale);
    }
    return out;
}

Result<SloOrder> parse_slo_order(const Args& args) {
    SloOrder out;
    if (const auto name = args.get("--playbook")) {
        OA_CHECK(add_of_playbook(args, *name, out));
    } else {
        OA_TRY(Slo slo, slo_of_flags(args));
        out.slos.push_back(std::move(slo));
    }
    if (!out.source.prometheus && out.source.access_logs.empty()) {
        OA_TRY(out.source, parse_slo_source(args));
    }
    const auto routes = args.all("--route");
    OA_TRY(
        const auto least_bad,
        in_option(parse_count(args.get("--min-bad").value_or("5"), 0, k_most_events), "--min-bad")
    );
    OA_TRY(
        const auto least_total,
        in_option(
            parse_count(args.get("--min-total").value_or("20"), 0, k_most_events), "--min-total"
        )
    );
    for (Slo& slo : out.slos) {
        slo.budget.least_bad = least_bad;
        slo.budget.least_total = least_total;
        if (!routes.empty()) {
            slo.question.routes = routes;
        }
        if (slo.budget.objective.num >= slo.budget.objective.den) {
            return fail(
                Code::usage, "an objective of 100% leaves no budget", "--objective", "99.9%"
            );
        }
    }
    out.revisions = args.all("--revision");
    return out;
}

} // namespace oa_stream::cli
