#include "dashboard_grid.hpp"

#include <string_view>

namespace oa_stream::measure::grafana {
namespace {

Json thresholds(const std::string& limit) {
    Json steps = Json::array({{{"color", "green"}, {"value", nullptr}}});
    if (!limit.empty()) {
        steps.push_back({{"color", "red"}, {"value", std::stod(limit)}});
    }
    return {{"mode", "absolute"}, {"steps", steps}};
}

void rename_revision(std::string& legend, const std::string& label) {
    constexpr std::string_view k_word = "{{revision}}";
    if (const std::size_t at = legend.find(k_word); at != std::string::npos) {
        legend.replace(at, k_word.size(), "{{" + label + "}}");
    }
}

} // namespace

Json source() {
    return {{"type", "prometheus"}, {"uid", "${datasource}"}};
}

Json Grid::targets(const Panel& panel) const {
    Json out = Json::array();
    for (std::size_t i = 0; i < panel.lines.size(); ++i) {
        std::string legend = panel.lines[i].legend;
        rename_revision(legend, label_);
        out.push_back(
            {{"refId", std::string(1, static_cast<char>('A' + i))},
             {"datasource", source()},
             {"expr", panel.lines[i].expr},
             {"legendFormat", legend},
             {"instant", panel.type == "stat"},
             {"range", panel.type != "stat"}}
        );
    }
    return out;
}

void Grid::add(const Panel& panel) {
    if (x_ + panel.width > k_columns) {
        x_ = 0;
        y_ += k_panel_height;
    }
    Json out{
        {"id", static_cast<int>(panels_.size()) + 1},
        {"type", panel.type},
        {"title", panel.title},
        {"description", panel.help},
        {"datasource", source()},
        {"gridPos", {{"x", x_}, {"y", y_}, {"w", panel.width}, {"h", k_panel_height}}},
        {"fieldConfig",
         {{"defaults", {{"unit", panel.unit}, {"min", 0}, {"thresholds", thresholds(panel.limit)}}},
          {"overrides", Json::array()}}},
        {"targets", targets(panel)},
    };
    if (!panel.limit.empty() && panel.type == "timeseries") {
        out["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"]["mode"] = "line";
    }
    panels_.push_back(std::move(out));
    x_ += panel.width;
}

} // namespace oa_stream::measure::grafana
