// Panels and their places in Grafana's grid. Private to the room.
#pragma once

#include "oa_stream/base/json.hpp"

#include <string>
#include <vector>

namespace oa_stream::measure::grafana {

inline constexpr int k_columns = 24; ///< width of Grafana's grid
inline constexpr int k_panel_height = 8;

struct Line {
    std::string expr;
    std::string legend;
};

struct Panel {
    std::string title;
    std::string unit; ///< Grafana's name of the unit
    std::string help;
    std::vector<Line> lines;
    std::string type = "timeseries";
    int width = k_columns / 3;
    std::string limit{}; ///< a red line at this value
};

/// The data source, named by the dashboard's variable.
[[nodiscard]] Json source();

/// Places panels row by row.
class Grid {
public:
    /// `label`: the label shown in the legend as {{revision}}.
    explicit Grid(std::string label) : label_(std::move(label)) {}
    void add(const Panel& panel);
    [[nodiscard]] Json take() { return std::move(panels_); }

private:
    [[nodiscard]] Json targets(const Panel& panel) const;

    std::string label_;
    Json panels_ = Json::array();
    int x_ = 0;
    int y_ = 0;
};

} // namespace oa_stream::measure::grafana
