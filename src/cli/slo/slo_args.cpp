#include "slo_args.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/matchers.hpp"
#include "oa_stream/net/token_source.hpp"
#include "oa_stream/playbook/file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace oa_stream::cli {
namespace {

Result<Secret> secret_of(const std::optional<config::AuthRef>& auth) {
    if (!auth) {
        return Secret();
    }
    auto secret = net::read_token(auth->reference);
    const bool absent = !secret && secret.error().code == Code::credentials;
    return absent && !auth->required ? Result<Secret>(Secret()) : secret;
}

/// If a scope were ignored, everything would be judged.
Result<void> check_fits(const SloSourceOptions& options, const measure::SourceKind& kind) {
    const std::array<std::pair<bool, std::string_view>, 9> given{{
        {options.matchers.has_value(), k_slo_match.name},
        {options.revision_label.has_value(), k_slo_label.name},
        {options.auth_reference.has_value(), names::auth},
        {options.user.has_value(), k_slo_user.name},
        {options.ca.has_value(), k_slo_ca.name},
        {options.cert.has_value(), k_slo_cert.name},
        {options.key.has_value(), names::key},
        {!options.headers.empty(), k_slo_header.name},
        {options.timeout.has_value(), names::timeout},
    }};
    const auto* stray = std::ranges::find(given, true, &decltype(given)::value_type::first);
    return kind.is_server || stray == given.end()
               ? Result<void>{}
               : fail(
                     Code::usage,
                     fmt::format("the source {} has no such thing", kind.name()),
                     std::string(stray->second),
                     "only for --prometheus; --revision and --route select everywhere"
                 );
}

Result<SloSource> asked(const SloSourceOptions& options, measure::SettingsPtr settings) {
    OA_CHECK(check_fits(options, settings->kind()));
    auto flags = static_cast<const measure::SourceFlags&>(options);
    if (options.auth_reference) {
        flags.auth = config::AuthRef{*options.auth_reference, true};
    }
    settings->change(flags);
    SloSource out{.settings = std::move(settings)};
    OA_TRY(out.secret, secret_of(out.settings->credential()));
    OA_TRY(out.headers, probe::read_headers(out.settings->headers()));
    return out;
}

Result<Slo> slo_of(const playbook::SloSpec& spec) {
    Slo out;
    out.budget.name = spec.name;
    out.budget.objective = measure::Fraction::of(spec.objective);
    out.budget.window_s = seconds(spec.window);
    OA_TRY(
        out.question.bad, measure::parse_bad_events(fmt::format("{}", fmt::join(spec.bad, " | ")))
    );
    out.question.slower_than_s = spec.first_content_s;
    out.question.routes = spec.routes;
    return out;
}

Result<Slo> slo_of_flags(const SloOptions& options) {
    Slo out;
    out.budget.objective = options.objective;
    out.budget.window_s = seconds(options.window);
    if (options.bad) {
        out.question.bad = *options.bad;
    } else {
        OA_TRY(out.question.bad, measure::parse_bad_events(""));
    }
    out.budget.name = "stream-good";
    if (options.first_content) {
        if (options.bad) {
            return fail(
                Code::usage,
                "define bad either by --bad or by --first-content",
                std::string(names::first_content)
            );
        }
        out.question.slower_than_s = seconds(*options.first_content);
        out.budget.name = "stream-first-content";
    }
    return out;
}

Result<playbook::Playbook> playbook_of(const SloOptions& options, const std::string& name) {
    OA_TRY(const playbook::NamedText source, playbook::find_playbook(name));
    auto loaded =
        playbook::load_playbook(source.text, source.file, options.set, playbook::Unset::keep);
    if (!loaded.playbook) {
        return fail(
            Code::config,
            loaded.problems.empty() ? "not a playbook" : loaded.problems.front().text(),
            loaded.problems.empty() ? source.file : "",
            Suggestion{"playbook validate", {name}}
        );
    }
    return std::move(*loaded.playbook);
}

/// The first source of users' requests in the playbook; a source whose variable has no value is
/// skipped.
measure::SettingsPtr source_of(const playbook::Playbook& playbook) {
    const auto found = std::ranges::find_if(playbook.sources, [](const auto& source) {
        const std::string place = source->place();
        return !place.empty() && !place.contains("${");
    });
    return found == playbook.sources.end() ? nullptr : *found;
}

Result<void> add_of_playbook(const SloOptions& options, const std::string& name, SloOrder& out) {
    OA_TRY(const playbook::Playbook playbook, playbook_of(options, name));
    const auto& wanted = options.only;
    for (const playbook::SloSpec& spec : playbook.slo) {
        if (wanted.empty() || contains(wanted, spec.name)) {
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
    if (!options.prometheus && options.access_logs.empty()) {
        if (auto source = source_of(playbook)) {
            OA_TRY(out.source, asked(options, std::move(source)));
        }
    }
    return {};
}

} // namespace

std::span<const std::string_view> turn_route_words() {
    static const auto words = mapped(telemetry::k_turn_routes, &telemetry::TurnRoute::pattern);
    return words;
}

Result<measure::Fraction> read_exact_share(std::string_view text) {
    const bool percent = text.ends_with('%');
    const auto parsed = measure::Fraction::parse(text.substr(0, text.size() - (percent ? 1 : 0)));
    if (!parsed || (!percent && parsed->num >= parsed->den)) {
        return fail(
            Code::usage, fmt::format("'{}' is not a share", printable(text, 40)), {}, "like 99.9%"
        );
    }
    return measure::Fraction{parsed->num, percent ? parsed->den * 100 : parsed->den};
}

Result<measure::Fraction> read_objective(std::string_view text) {
    OA_TRY(const measure::Fraction share, read_exact_share(text));
    if (share.num >= share.den) {
        return fail(Code::usage, "an objective of 100% leaves no budget", {}, "99.9%");
    }
    return share;
}

Result<std::string> read_matchers(std::string_view text) {
    OA_CHECK(measure::parse_matchers(text));
    return std::string(text);
}

Result<SloSource> SloSourceOptions::source() const {
    if (prometheus.has_value() == !access_logs.empty()) {
        return fail(
            Code::usage,
            prometheus ? "one source at a time: --prometheus or --access-log"
                       : "no source was named: --prometheus URL or --access-log FILE is missing",
            {},
            "like --prometheus http://127.0.0.1:9090"
        );
    }
    auto settings = measure::source_settings(
        prometheus ? "prometheus" : "access_log",
        {.places = prometheus ? std::vector{*prometheus} : access_logs}
    );
    return asked(*this, std::move(settings));
}

Result<SloOrder> slo_order(const SloOptions& options) {
    SloOrder out;
    if (options.playbook) {
        OA_CHECK(add_of_playbook(options, *options.playbook, out));
    } else {
        OA_TRY(Slo slo, slo_of_flags(options));
        out.slos.push_back(std::move(slo));
    }
    if (out.source.settings == nullptr) {
        OA_TRY(out.source, options.source());
    }
    for (Slo& slo : out.slos) {
        slo.budget.least_bad = options.least_bad;
        slo.budget.least_total = options.least_total;
        if (!options.routes.empty()) {
            slo.question.routes = options.routes;
        }
    }
    out.revisions = options.revisions;
    return out;
}

} // namespace oa_stream::cli
