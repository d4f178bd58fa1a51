// The error budget that must be left before traffic is moved.
#include "oa_stream/base/text.hpp"

#include "session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace oa_stream::playbook {
namespace {

const SourceSpec* asserted_source(const Playbook& playbook) {
    const auto found = std::ranges::find(playbook.sources, SourceKind::asserted, &SourceSpec::kind);
    return found == playbook.sources.end() ? nullptr : &*found;
}

/// Why a stated value cannot be used here; empty when it can.
std::string objection(const Session& session) {
    const SourceSpec* source = asserted_source(session.playbook());
    if (source == nullptr) {
        return "no source of the playbook measures it, and stating it is not among its sources";
    }
    if (!session.in.asserted) {
        return "nobody measured or stated it: unknown is not little "
               "(--asserted-budget PERCENT --reason TEXT)";
    }
    const bool applies = session.changes_traffic() && moves_traffic(session.playbook().kind);
    if (applies && !source->enough_to_apply) {
        return fmt::format(
            "{:g}% is only stated, and the playbook does not let that be enough to move traffic "
            "(sources.asserted.enough_to_apply)",
            session.in.asserted->budget_consumed * 100
        );
    }
    return {};
}

Check judge(const Session& session, const SloSpec& slo) {
    const auto& budget = session.playbook().budget;
    const double limit = budget ? budget->consumed_at_most : 0;
    const auto& asserted = session.in.asserted;
    Check check;
    check.id = "budget." + slo.name;
    if (std::string why = objection(session); !why.empty() || !asserted) {
        check.verdict = Verdict::inconclusive;
        check.detail = std::move(why);
        return check;
    }
    const Asserted& stated = *asserted;
    check.mode = CheckMode::asserted;
    check.verdict = stated.budget_consumed <= limit ? Verdict::pass : Verdict::fail;
    check.detail = fmt::format(
        "stated by hand, not measured: {:g}% consumed, at most {:g}% may be; reason: {}",
        stated.budget_consumed * 100,
        limit * 100,
        stated.reason
    );
    check.data = {
        {"consumed", stated.budget_consumed},
        {"limit", limit},
        {"source", "asserted"},
        {"reason", stated.reason},
    };
    return check;
}

} // namespace

Result<Asserted> parse_asserted(std::string_view budget_consumed, std::string_view reason) {
    constexpr std::string_view k_option = "--asserted-budget";
    std::string_view digits = budget_consumed;
    const bool percent = digits.ends_with('%');
    digits.remove_suffix(percent ? 1 : 0);
    double value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    const bool plain = digits.find_first_not_of("0123456789.") == std::string_view::npos;
    const bool whole = error == std::errc{} && end == digits.data() + digits.size();
    if (!percent || !plain || !whole || value > 100) {
        return fail(
            Code::usage,
            fmt::format("'{}' is no percentage within 0% and 100%", printable(budget_consumed, 40)),
            std::string(k_option),
            "like 3.5%"
        );
    }
    if (reason.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        return fail(
            Code::usage,
            "a value stated by hand needs a reason",
            std::string(k_option),
            "--reason 'read from the dashboard at 14:00'"
        );
    }
    return Asserted{value / 100, std::string(reason)};
}

Next judge_budget(Session& session) {
    bool good = true;
    for (const SloSpec& slo : session.playbook().slo) {
        Check check = judge(session, slo);
        good = good && check.verdict == Verdict::pass;
        session.say(
            fmt::format("  {:<12} {:<24} {}", to_string(check.verdict), check.id, check.detail)
        );
        session.add(std::move(check));
    }
    return good ? Next::go_on : Next::stop;
}

} // namespace oa_stream::playbook
