#include "plan_file.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json_bounds.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/playbook/file.hpp"

#include <fmt/format.h>

namespace oa_stream::playbook {

namespace fs = std::filesystem;

namespace {

/// An empty object: the serving split was not in whole percents.
Result<traffic::Split> baseline_in(const Json& json) {
    return json.is_object() && json.empty() ? traffic::Split{} : traffic::Split::from_json(json);
}

constexpr std::uint64_t k_largest_plan = 8U << 20U;

/// Null when the member is missing.
Json value_in(const Json& json, std::string_view key) {
    const Json* found = member(json, key);
    return found == nullptr ? Json(nullptr) : *found;
}

PlanSource source_in(const Json& json) {
    PlanSource out;
    const Json& source = object_in(json, "source");
    out.file = text_in(source, "file");
    out.text = text_in(source, "text");
    for (const auto& [name, value] : object_in(source, "set").items()) {
        if (value.is_string()) {
            out.set.emplace(name, value.get<std::string>());
        }
    }
    return out;
}

PlanFacts facts_in(const Json& json) {
    PlanFacts out;
    out.created_at = text_in(json, "created_at");
    out.etag = text_in(json, "etag");
    out.exact = value_in(json, "exact");
    out.revisions = object_in(json, "revisions");
    out.trials = list_in(json, "tried");
    out.continuity = value_in(json, "continuity");
    out.author = value_in(json, "author");
    out.routes = value_in(json, "routes");
    out.drilled = value_in(json, "gates_drilled");
    out.probes = bool_member(json, "probes").value_or(true);
    for (const Json& warning : list_in(json, "seen_warnings")) {
        if (warning.is_string()) {
            out.warnings.push_back(warning.get<std::string>());
        }
    }
    return out;
}

/// The splits that the plan intended to write; the other steps are not needed for a rollback.
std::vector<Step> moves_in(const Json& json) {
    std::vector<Step> out;
    for (const Json& one : list_in(json, "steps")) {
        auto before = baseline_in(value_in(one, "before"));
        auto after = traffic::Split::from_json(value_in(one, "after"));
        if (before && after) {
            Step& step = out.emplace_back();
            step.id = text_in(one, "id");
            step.kind = text_in(one, "kind") == to_string(StepKind::restore) ? StepKind::restore
                                                                             : StepKind::shift;
            step.title = text_in(one, "title");
            step.before = *std::move(before);
            step.after = *std::move(after);
        }
    }
    return out;
}

std::string shown(const nlohmann::json& value) {
    return cut_to(value.dump(), 80);
}

} // namespace

void name_differences(
    std::vector<std::string>& out, std::string_view what, const Json& planned, const Json& live
) {
    const auto a = nlohmann::json::parse(dump_json(planned));
    const auto b = nlohmann::json::parse(dump_json(live));
    constexpr std::size_t k_most = 5;
    std::size_t named = 0;
    for (const auto& change : nlohmann::json::diff(a, b)) {
        if (++named > k_most) {
            out.push_back(fmt::format("{}: and more", what));
            break;
        }
        const std::string path = change.at("path").get<std::string>();
        const nlohmann::json::json_pointer at(path);
        out.push_back(fmt::format(
            "{}{}: planned {}, live {}",
            what,
            path,
            a.contains(at) ? shown(a.at(at)) : "nothing",
            change.contains("value") ? shown(change.at("value")) : "nothing"
        ));
    }
}

std::string canonical_digest(const Json& json) {
    const auto sorted = nlohmann::json::parse(dump_json(json));
    return sha256_hex(sorted.dump());
}

namespace {

Advice how_to_make_one() {
    return "make one with `" +
           Suggestion{"cutover plan", {std::string(k_fill_in), names::out, "plan.json"}} + "`";
}

} // namespace

Result<Plan> read_plan(std::string_view text, std::string_view file, Trust trust) {
    // The id covers only parsed content: with a duplicate name the first value would be hidden.
    auto json = parse_json_within(text, {.unique_names = trust == Trust::verified});
    if (!json || text_in(*json, "schema") != "oa-stream.plan.v1" || !member(*json, "source")) {
        return fail(
            Code::unreadable,
            json ? "this is not a plan of oa-stream" : json.error().message,
            std::string(file),
            how_to_make_one()
        );
    }
    const std::string id = text_in(*json, "id");
    const std::string hint(k_make_new_plan);
    json->erase("id");
    if (trust == Trust::verified && canonical_digest(*json) != id) {
        return fail(
            Code::precondition,
            "the plan was edited: its content does not match its id",
            std::string(file),
            hint
        );
    }
    PlanSource source = source_in(*json);
    OA_TRY(Playbook playbook, read_playbook(source.text, source.file, source.set));
    traffic::TrafficState live;
    OA_TRY(live.serving, baseline_in(value_in(*json, "baseline")));
    live.wanted = live.serving;
    if (const Json* requested = member(*json, "requested")) {
        OA_TRY(live.wanted, baseline_in(*requested));
    }
    PlanFacts facts = facts_in(*json);
    live.exact = facts.exact;
    live.etag = facts.etag;
    if (trust == Trust::rescue) {
        Plan plan;
        plan.id = id;
        plan.playbook = std::move(playbook);
        plan.driver = text_in(*json, "driver");
        plan.target = text_in(*json, "target");
        plan.baseline = live.serving;
        plan.steps = moves_in(*json);
        plan.facts = std::move(facts);
        plan.source = std::move(source);
        return plan;
    }
    OA_TRY(
        Plan plan,
        make_plan(
            std::move(playbook),
            text_in(*json, "driver"),
            text_in(*json, "target"),
            live,
            std::move(source),
            std::move(facts)
        )
    );
    if (plan.id != id) {
        return fail(
            Code::precondition,
            "this release would make another plan of the same playbook",
            std::string(file),
            hint
        );
    }
    return plan;
}

Result<Plan> load_plan(const fs::path& path, std::string_view shown) {
    auto text = read_file(path, k_largest_plan);
    if (!text) {
        text.error().code = Code::unreadable;
        text.error().hint = how_to_make_one();
        return std::unexpected(std::move(text).error());
    }
    OA_TRY(Plan plan, read_plan(*text, path.string()));
    if (!shown.empty() && plan.id != shown) {
        return fail(
            Code::precondition,
            "the plan file was replaced while you read it",
            path.string(),
            "it has another plan now: read that one"
        );
    }
    return plan;
}

Result<void> check_age(const Plan& plan, WallTime now) {
    const auto made = parse_rfc3339(plan.facts.created_at);
    if (!made) {
        return fail(Code::precondition, "the plan has no creation time");
    }
    if (*made > now + k_clock_skew) {
        return fail(
            Code::precondition,
            fmt::format("the plan was made in the future, at {}", plan.facts.created_at),
            {},
            "look at this machine's clock"
        );
    }
    if (now - *made > plan.playbook.validity) {
        return fail(
            Code::precondition,
            fmt::format(
                "the plan of {} is older than its validity of {}",
                plan.facts.created_at,
                format_duration(plan.playbook.validity)
            ),
            {},
            std::string(k_make_new_plan)
        );
    }
    return {};
}

Result<void> check_target(const Plan& plan, const traffic::TrafficDriver& driver, Advice hint) {
    if (driver.is_target(plan.target)) {
        return {};
    }
    return fail(
        Code::precondition,
        fmt::format(
            "the plan is for {}, and here its settings lead to {}", plan.target, driver.target()
        ),
        {},
        std::move(hint)
    );
}

std::vector<std::string>
drift_from_plan(const Plan& plan, const traffic::TrafficState& live, const Json& revisions) {
    std::vector<std::string> out;
    if (!(live.serving == plan.baseline)) {
        out.push_back(fmt::format(
            "traffic: planned {}, live {}", plan.baseline.text(), traffic::serving_text(live)
        ));
    }
    if (!(live.wanted == live.serving) && plan.playbook.kind != Kind::rollback) {
        out.push_back(fmt::format(
            "traffic: requested split {}, but {} serves", live.wanted.text(), live.serving.text()
        ));
    }
    if (!plan.facts.exact.is_null() && out.empty()) {
        name_differences(out, "setting", plan.facts.exact, live.exact);
    }
    for (const auto& [revision, planned] : plan.facts.revisions.items()) {
        const Json* now = member(revisions, revision);
        // A revision that cannot be queried now has not drifted; its smoke will show the failure.
        if (!planned.is_null() && now != nullptr && !now->is_null()) {
            name_differences(
                out,
                fmt::format("revision {}/version", revision),
                object_in(planned, "version"),
                object_in(*now, "version")
            );
        }
    }
    return out;
}

Result<void> spend(const fs::path& state_dir, const Plan& plan, std::string_view run) {
    const fs::path folder = state_dir / "plans";
    OA_CHECK(make_dirs(folder));
    const fs::path path = folder / (plan.id + ".json");
    const Json record = {
        {"plan", plan.id},
        {"run", run},
        {"at", rfc3339_millis(std::chrono::system_clock::now())},
    };
    const auto written = write_file_once(path, dump_json(record) + "\n");
    if (written || written.error().code != Code::conflict) {
        return written;
    }
    const auto text = read_file(path, k_largest_plan);
    const auto json = text ? parse_json(*text) : fail(Code::unreadable, "");
    return fail(
        Code::precondition,
        fmt::format(
            "the plan was already applied by run {} at {}",
            json ? text_in(*json, "run") : "?",
            json ? text_in(*json, "at") : "?"
        ),
        {},
        std::string(k_make_new_plan)
    );
}

Result<void> check_no_secret(const Plan& plan, Redactor redactor) {
    redactor.add_environment();
    const auto is_clean = [&redactor](const Json& json) {
        const std::string text = dump_json(json);
        return redactor.apply(text) == text;
    };
    if (is_clean(to_json(plan))) {
        return {};
    }
    const bool given = is_clean({{"etag", plan.facts.etag}, {"exact", plan.facts.exact}});
    return fail(
        Code::usage,
        fmt::format(
            "{} holds what looks like a secret, and a plan must not",
            given ? "the playbook or a --set value" : "the traffic's setting, as it is read now,"
        ),
        {},
        given ? "name where it is: auth: { env: NAME }"
              : "leave it out of what the traffic driver reads"
    );
}

} // namespace oa_stream::playbook
