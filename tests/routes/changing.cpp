#include "changing.hpp"

#include <fmt/format.h>

namespace oa_stream::routes::testing {

Changing::Changing(std::size_t processes, Overrides goal)
    : rig(processes), client_(rig.client()),
      journal_([this](const Json& line) { return record(line); }) {
    run.client = &client_;
    run.before = split_status();
    run.goal = std::move(goal);
    run.paths = expectations_of(run.before, run.goal, {"/login"});
    run.cohort_key = "me";
    run.looks = quick_looks();
    run.journal = &journal_;
    run.say = [this](std::string_view line) { said.emplace_back(line); };
}

Result<void> Changing::record(const Json& line) {
    if (++recorded_; journal_fails != 0 && recorded_ >= journal_fails) {
        return fail(Code::io, "the disk is full");
    }
    Json kept = line;
    kept.erase("seq");
    kept.erase("at");
    rig.log.push_back(fmt::format(
        "{} {} {}", kept.value("way", ""), kept.value("phase", ""), kept.value("step", "")
    ));
    lines.push_back(std::move(kept));
    return {};
}

RouteOutcome Changing::change() {
    return rig.get(change_routes(run));
}

RouteOutcome Changing::undo() {
    return rig.get(undo_routes(run));
}

std::vector<Json> Changing::lines_of(std::string_view phase) const {
    std::vector<Json> out;
    for (const Json& line : lines) {
        if (line.value("phase", "") == phase) {
            out.push_back(line);
        }
    }
    return out;
}

Script carried_out_and_lost(ControlRig& rig, const RawRequest& request) {
    (void)rig.carry_out(request, 0);
    return {probe::test::Reset{}};
}

bool is_write(const RawRequest& request, std::string_view target) {
    return call_of(request) == "override" &&
           parse_json(request.body).value().value("target", "") == target;
}

} // namespace oa_stream::routes::testing
