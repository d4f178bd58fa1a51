#include "alert_advice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace oa_stream::measure::alerts {
namespace {

/// This alert fires as long as the last run's file reports it, possibly for hours: faults in that
/// time have other causes, so it silences nothing.
constexpr std::string_view k_stays = "OaStreamRunUnverified";

} // namespace

std::string alertmanager_yaml(const std::vector<Group>& groups) {
    std::vector<std::pair<std::string, std::string>> pages; ///< tier and name
    for (const Group& group : groups) {
        for (const Rule& rule : group.rules) {
            const auto tier = std::ranges::find(rule.labels, "tier", [](const auto& label) {
                return label.first;
            });
            if (!rule.records && rule.severity == "page" && tier != rule.labels.end()) {
                pages.emplace_back(tier->second, rule.name);
            }
        }
    }
    std::ranges::sort(pages);
    std::string out =
        "# Written by oa-stream slo rules. Merge it into alertmanager.yml: one fault, one page.\n"
        "# Alerts of a later tier follow from those of an earlier one and are inhibited by them; "
        "an\n"
        "# alert that names an instance only by one of that instance.\n"
        "# OaStreamRunUnverified silences nothing: it stays until somebody finishes the run.\n"
        "# The alert that explains a page may come up to three evaluations later, and must be\n"
        "# there when the page is sent: 45s suit an evaluation_interval of 15s.\n"
        "route:\n"
        "  receiver: oa-stream-tickets\n"
        "  group_by: [service, severity]\n"
        "  group_wait: 30s\n"
        "  routes:\n"
        "    - matchers: ['service=\"oa-stream\"', 'severity=\"page\"']\n"
        "      receiver: oa-stream-pages\n"
        "      group_wait: 45s\n"
        "receivers:\n"
        "  - name: oa-stream-pages\n"
        "  - name: oa-stream-tickets\n"
        "inhibit_rules:\n";
    for (std::size_t i = 0; i + 1 < pages.size(); ++i) {
        if (pages[i].second == k_stays) {
            continue;
        }
        std::string later;
        for (std::size_t j = i + 1; j < pages.size(); ++j) {
            later += (later.empty() ? "" : "|") + pages[j].first;
        }
        out += fmt::format(
            "  # {}\n"
            "  - source_matchers: ['service=\"oa-stream\"', 'severity=\"page\"', 'tier=\"{}\"']\n"
            "    target_matchers: ['service=\"oa-stream\"', 'severity=\"page\"', 'tier=~\"{}\"', "
            "'instance=\"\"']\n"
            "  - source_matchers: ['service=\"oa-stream\"', 'severity=\"page\"', 'tier=\"{}\"']\n"
            "    target_matchers: ['service=\"oa-stream\"', 'severity=\"page\"', 'tier=~\"{}\"', "
            "'instance=~\".+\"']\n"
            "    equal: [instance]\n",
            pages[i].second,
            pages[i].first,
            later,
            pages[i].first,
            later
        );
    }
    return out;
}

} // namespace oa_stream::measure::alerts
