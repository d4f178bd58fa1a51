// A run that failed, and an incident made of runs.
#pragma once

#include "oa_stream/incident/incident.hpp"

#include "scratch.hpp"

#include <utility>
#include <vector>

namespace oa_stream::incident {

inline Incident
incident_of(const std::vector<std::filesystem::path>& folders, const Redactor& redactor = {}) {
    IncidentInput input;
    for (const std::filesystem::path& folder : folders) {
        input.runs.push_back(*run::read_run(folder));
    }
    input.version = "0";
    input.redactor = redactor;
    auto out = gather_incident(std::move(input));
    REQUIRE(out.has_value());
    return *std::move(out);
}

inline std::filesystem::path failed_run(const run::Scratch& state) {
    run::RunFolder run = state.open();
    run.note("stage begins", {{"stage", "5%"}});
    run.append(
        "measure/samples.ndjson",
        {{"at_s", 1.0},
         {"arm", "canary"},
         {"outcome", "ok"},
         {"bad", false},
         {"first_content_s", 0.1},
         {"stage", "5%"}}
    );
    run.write("report.md", "a report\n");
    run.write("streams/a.sse", "data: {\"type\":\"text-delta\",\"id\":\"1\",\"delta\":\"hi\"}\n\n");
    const Json checks = Json::array(
        {{{"id", "gate.x@5%"}, {"verdict", "FAIL"}, {"detail", "beyond | the limit @here"}},
         {{"id", "good"}, {"verdict", "PASS"}, {"detail", ""}}}
    );
    REQUIRE(run.finish({{"verdict", "FAIL"},
                        {"exit_code", 7},
                        {"headline", "the gate failed"},
                        {"checks", checks}}
    ).has_value());
    return run.path();
}

} // namespace oa_stream::incident
