#include "run_args.hpp"

#include "oa_stream/playbook/file.hpp"

#include <optional>

namespace oa_stream::cli {

Result<void> read_set(std::span<const std::string> values, PlaybookVariables& options) {
    OA_TRY(options.set, config::parse_settings(values));
    return {};
}

Result<std::optional<playbook::Asserted>> StatedBudget::asserted() const {
    if (!budget) {
        return std::nullopt;
    }
    OA_TRY(playbook::Asserted stated, playbook::parse_asserted(*budget, reason));
    return std::optional(std::move(stated));
}

void AccessChoice::change(playbook::Target& target) const {
    if (auth) {
        target.auth = playbook::AuthRef{*auth, true};
    }
    target.ca = ca.value_or(target.ca);
    target.cert = cert.value_or(target.cert);
    target.key = key.value_or(target.key);
    target.headers.insert(target.headers.end(), headers.begin(), headers.end());
}

Result<playbook::TargetRunInput>
target_run_input(const TargetRunOptions& options, playbook::KindSet kinds) {
    if (options.playbook.empty()) {
        return fail(Code::usage, "no playbook was named", "PLAYBOOK", Suggestion{"playbook list"});
    }
    playbook::TargetRunInput out;
    OA_TRY(const playbook::NamedText source, playbook::find_playbook(options.playbook));
    if (const auto kind = playbook::stated_kind(source.text)) {
        OA_CHECK(playbook::check_kind(source.file, *kind, kinds));
    }
    OA_TRY(out.playbook, playbook::read_playbook(source.text, source.file, options.set));
    out.access = [access = static_cast<const AccessChoice&>(options)](playbook::Target& target) {
        access.change(target);
    };
    out.access(out.playbook.target);
    out.source = playbook::PlanSource{source.file, source.text, options.set};
    OA_TRY(out.asserted, options.asserted());
    out.probes = options.probes;
    return out;
}

} // namespace oa_stream::cli
