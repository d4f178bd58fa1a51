// What a playbook may say before the engine can do it. A row leaves this file when it can.
#include "oa_stream/playbook/playbook.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook {
namespace {

class Missing {
public:
    explicit Missing(const Playbook& playbook) : book_(playbook) {}

    std::vector<Error> all() {
        kind();
        sources();
        for (const auto* list : {&book_.preflight, &book_.postflight}) {
            for (const SmokeSpec& smoke : *list) {
                add(smoke.surface != Surface::stream,
                    smoke.id,
                    fmt::format("smoke {} is not part of runs yet", to_string(smoke.surface)));
            }
        }
        add(book_.budget.has_value(), "budget", "an error budget is not judged yet");
        add(book_.shadow.has_value(), "shadow", "a shadow comparison is not part of runs yet");
        add(book_.drill.has_value(), "drill", "drills are not carried out yet");
        add(book_.on_failure == Then::hold,
            "on_failure",
            "hold is not carried out yet",
            "on_failure: rollback");
        add(book_.rollback_ramp > Millis(0), "rollback.ramp", "traffic goes back at once only");
        stage();
        return std::move(out_);
    }

private:
    void add(bool present, std::string_view key, std::string message, std::string hint = {}) {
        if (present) {
            out_.push_back({Code::config, std::move(message), std::string(key), std::move(hint)});
        }
    }
    void kind() {
        add(book_.kind != Kind::rehearsal && book_.kind != Kind::cutover,
            "kind",
            fmt::format("a playbook of kind {} is not run yet", to_string(book_.kind)));
    }
    void sources() {
        for (const SourceSpec& source : book_.sources) {
            add(source.kind == SourceKind::prometheus,
                "sources.prometheus",
                "measured by Prometheus from the next release on; use probe or asserted");
            add(source.kind == SourceKind::access_log,
                "sources.access_log",
                "measured from access logs from the next release on; use probe or asserted");
        }
    }
    void stage() {
        const StageSpec& stage = book_.stage;
        add(stage.inconclusive_then == Then::hold,
            "stage.on_inconclusive.then",
            "hold is not carried out yet",
            "then: rollback");
        add(stage.on_no_traffic == NoTraffic::hold,
            "stage.on_no_traffic",
            "hold is not carried out yet",
            "on_no_traffic: probe");
        add(stage.error_hold_at_most > Millis(0) || stage.error_then == Then::hold,
            "stage.on_error",
            "a source that fails is not waited for yet",
            "on_error: { hold_at_most: 0s, then: rollback }");
    }

    const Playbook& book_;
    std::vector<Error> out_;
};

} // namespace

std::vector<Error> not_carried_out(const Playbook& playbook) {
    return Missing(playbook).all();
}

} // namespace oa_stream::playbook
