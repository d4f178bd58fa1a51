// The checks and the row that a stage leaves at its end.
#include "stage.hpp"

namespace oa_stream::playbook {
namespace {

/// When a pause ends the stage, the gates' verdicts from before it are kept. The row's verdict is
/// FAIL if they failed, otherwise `otherwise`.
void record_before_pause(StageRun& stage, Verdict otherwise) {
    if (stage.judged_before_pause) {
        record_gates(stage);
        check_answers(stage);
    }
    if (stage.row.verdict != Verdict::fail) {
        stage.row.verdict = otherwise;
    }
}

} // namespace

void record_end(StageRun& stage, WindowEnd end) {
    RunContext& run = stage.run;
    switch (end) {
    case WindowEnd::interrupted:
        record_before_pause(stage, stage.row.verdict);
        run.add_interrupted("at stage " + stage.where);
        return;
    case WindowEnd::broken:
        run.source_failed = true;
        stage.add_check("probe", Verdict::error, stage.no_probes);
        return;
    case WindowEnd::lost:
        record_before_pause(stage, Verdict::error);
        record_drift(stage);
        return;
    case WindowEnd::early_fail:
        record_gates(stage);
        return;
    case WindowEnd::blind:
        run.source_failed = true;
        record_gates(stage);
        if (stage.row.verdict == Verdict::pass) {
            stage.row.verdict = Verdict::error;
        }
        check_answers(stage);
        return;
    case WindowEnd::over:
        record_drift(stage);
        record_gates(stage);
        check_split(stage);
        check_answers(stage);
        record_users(stage);
        return;
    case WindowEnd::promoted:
        record_drift(stage);
        record_promotion(stage);
        check_split(stage);
        check_answers(stage);
        record_users(stage);
        return;
    case WindowEnd::resumed:
    case WindowEnd::unattended:
        record_drift(stage);
        record_gates(stage);
        check_answers(stage);
        record_unattended(stage);
        return;
    }
}

} // namespace oa_stream::playbook
