#include "prometheus_changes.hpp"

#include "oa_stream/base/text.hpp"

#include "promql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ranges>

namespace oa_stream::measure::prometheus {
namespace {

constexpr double k_shortest_look_s = 600;
constexpr double k_looks_back = 20; ///< steps of the window's query: every 30 s in ten minutes
constexpr double k_looks_at_earlier = 60; ///< for the earlier process: every 5 s in five minutes
constexpr double k_looks_at_begin = 720; ///< for starts of processes: every 5 s in an hour
constexpr double k_shortest_step_s = 1;

} // namespace

std::string name_of(const TargetName& target) {
    const auto& [job, instance] = target;
    return printable(job.empty() ? instance : job + " " + instance, 120);
}

std::string last_scrapes(const std::string& build, double window_s) {
    const double look_s = std::max(window_s, k_shortest_look_s);
    return fmt::format(
        "max by (job, instance, revision) (max_over_time(timestamp({0})[{1}:{2}]) or "
        "timestamp({0}))",
        build,
        duration_text(look_s),
        duration_text(look_s / k_looks_back)
    );
}

std::string scrapes_of(const std::string& build, double window_s) {
    return fmt::format(
        "max by (job, instance, revision) (count_over_time({}[{}]))", build, duration_text(window_s)
    );
}

Revisions revisions_of(const SeriesMap& last_scrapes, const SeriesMap& scrapes) {
    struct Seen {
        double at_s = 0; ///< 0: between two looks
        ScrapedAs as{};
    };
    std::map<TargetName, std::vector<Seen>> seen;
    const auto add = [&](const SeriesId& series, double at_s) {
        const auto count = scrapes.find(series);
        seen[named_by(series)].push_back(
            {at_s,
             {std::string(series.label("revision")), count == scrapes.end() ? 0 : count->second}}
        );
    };
    for (const auto& [series, at_s] : last_scrapes) {
        add(series, at_s);
    }
    for (const SeriesId& series : scrapes | std::views::keys) {
        if (!last_scrapes.contains(series)) {
            add(series, 0);
        }
    }
    Revisions out;
    for (auto& [target, all] : seen) {
        std::ranges::sort(all, {}, [](const Seen& one) {
            return std::pair(one.at_s, std::string_view(one.as.revision));
        });
        for (Seen& one : all) {
            if (one.as.scrapes > 0 || &one == &all.back()) {
                out[target].push_back(std::move(one.as));
            }
        }
    }
    return out;
}

std::optional<std::string> changed_targets(const Revisions& revisions) {
    std::vector<std::string> instances;
    for (const auto& [target, some] : revisions) {
        if (some.size() > 1) {
            instances.push_back(target.second);
        }
    }
    return instances.empty() ? std::nullopt : std::optional(of_instances(std::move(instances)));
}

std::string rise_by_process(
    const std::string& series,
    const std::string& series_there,
    const std::string& began,
    const Span& window
) {
    // The counters of a process begin at 0; those of the earlier process end with its last scrape.
    // Where the target's labels changed, each process has its own series.
    const auto every = [&window](double looks) {
        return fmt::format(
            "{}:{}",
            duration_text(window.seconds()),
            duration_text(std::max(window.seconds() / looks, k_shortest_step_s))
        );
    };
    return fmt::format(
        R"((label_replace({series} and timestamp({series}) >= on (job, instance) group_left () )"
        R"(max by (job, instance) ({began}), "{part}", "{now}", "", "") or )"
        R"(label_replace(max_over_time({earlier}) - min_over_time({earlier}), )"
        R"("{part}", "{before}", "", "")) and on (job, instance) )"
        R"(changes((max by (job, instance) ({began}))[{each}]) == 1)",
        fmt::arg("series", series),
        fmt::arg("began", began),
        fmt::arg("each", every(k_looks_at_begin)),
        fmt::arg(
            "earlier",
            fmt::format(
                "({} and on (job, instance) (max by (job, instance) ({}) < max by (job, instance) "
                "({} @ {:.3f})))[{}]",
                series_there,
                began,
                began,
                window.to_s,
                every(k_looks_at_earlier)
            )
        ),
        fmt::arg("part", k_part),
        fmt::arg("now", k_part_now),
        fmt::arg("before", k_part_before)
    );
}

std::map<TargetName, SeriesMap> by_target(const SeriesMap& series, std::string_view part) {
    std::map<TargetName, SeriesMap> out;
    for (const auto& [id, value] : series) {
        if (id.label(k_part) != part) {
            continue;
        }
        SeriesId plain = id;
        std::erase_if(plain.labels, [](const auto& label) {
            return label.first == "job" || label.first == "instance" || label.first == k_part;
        });
        out[named_by(id)].emplace(std::move(plain), value);
    }
    return out;
}

void share_by_revision(
    LanePart part, const std::vector<ScrapedAs>& revisions, ByProcess rose, ScrapedLanes& out
) {
    part.scrapes = revisions.back().scrapes;
    if (revisions.size() == 1) {
        out.parts.push_back(std::move(part));
    } else if (revisions.size() > 2 || rose.now.empty()) {
        out.unseparated.push_back(fmt::format(
            "{} ({})",
            part.name,
            fmt::join(revisions | std::views::transform(&ScrapedAs::revision), ", ")
        ));
        part.revision.clear();
        out.parts.push_back(std::move(part));
    } else {
        LanePart before;
        before.name = part.name + " before";
        before.revision = revisions.front().revision;
        before.state = k_ended;
        before.numbers.rose = std::move(rose.before);
        const double window_s = part.numbers.window_s;
        part.numbers.rose = std::move(rose.now);
        if (!rose.lived.empty()) {
            part.numbers.window_s = std::clamp(rose.lived.begin()->second, 0.0, window_s);
        }
        before.numbers.window_s = window_s - part.numbers.window_s;
        out.parts.push_back(std::move(part));
        if (!before.numbers.rose.empty()) {
            out.parts.push_back(std::move(before));
        }
    }
}

} // namespace oa_stream::measure::prometheus
