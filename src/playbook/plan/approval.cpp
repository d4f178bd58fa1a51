// A second operator's approval of a plan, stored beside the plan's file.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/process.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/playbook/operate.hpp"

#include "plan_file.hpp"

#include <fmt/format.h>

#include <unistd.h>

namespace oa_stream::playbook {
namespace {

constexpr std::string_view k_schema = "oa-stream.approval.v1";
constexpr std::uint64_t k_largest = 64U << 10U;
constexpr std::size_t k_longest_name = 80;
constexpr std::size_t k_longest_reason = 400;

std::filesystem::path file_beside(const std::filesystem::path& plan) {
    return plan.string() + ".approval.json";
}

Approval approval_in(const Json& json) {
    return {
        .plan = text_in(json, "plan"),
        .by = {text_in(json, "account"), text_in(json, "host")},
        .name = printable(text_in(json, "name"), k_longest_name),
        .reason = printable(text_in(json, "reason"), k_longest_reason),
        .at = text_in(json, "at"),
    };
}

/// Unset: there is none.
Result<std::optional<Approval>> read_approval(const std::filesystem::path& plan) {
    const auto file = file_beside(plan);
    if (!is_there(file)) {
        return std::nullopt;
    }
    OA_TRY(const std::string text, read_file(file, k_largest));
    const auto json = parse_json(text);
    if (!json || text_in(*json, "schema") != k_schema) {
        return fail(Code::precondition, "this is not an approval of a plan", file.string());
    }
    return approval_in(*json);
}

Advice by_another(const std::filesystem::path& plan) {
    return "a second operator types: " + Suggestion{"plan approve", {plan.string()}};
}

Account author_of(const Plan& plan) {
    return {text_in(plan.facts.author, "account"), text_in(plan.facts.author, "host")};
}

} // namespace

Account this_account() {
    return {account_name(::getuid()), host_name()};
}

std::string Account::text() const {
    return fmt::format("{} on {}", printable(name, k_longest_name), printable(host));
}

std::string Approval::text() const {
    const bool other = !name.empty() && name != by.name;
    return fmt::format(
        "{} at {}{}{}",
        other ? fmt::format("{} (account {})", name, by.text()) : by.text(),
        printable(at),
        reason.empty() ? "" : ": ",
        reason
    );
}

Json Approval::to_json() const {
    return {
        {"plan", plan},
        {"account", by.name},
        {"host", by.host},
        {"name", name},
        {"reason", reason},
        {"at", at},
    };
}

Result<Approval> approve_plan(
    const std::filesystem::path& path,
    std::string_view shown,
    std::string_view name,
    std::string_view reason,
    WallTime now
) {
    OA_TRY(const Plan plan, load_plan(path, shown));
    OA_CHECK(check_age(plan, now));
    if (plan.playbook.approvals < 2) {
        return fail(
            Code::precondition,
            "the playbook of this plan asks for no second operator",
            path.string(),
            "approvals: 2 in the playbook, then plan again"
        );
    }
    const Account account = this_account();
    if (author_of(plan) == account) {
        return fail(
            Code::precondition,
            fmt::format("{} made this plan: somebody else has to approve it", account.text()),
            path.string(),
            by_another(path)
        );
    }
    Approval out{
        .plan = plan.id,
        .by = account,
        .name = printable(trim(name), k_longest_name),
        .reason = printable(trim(reason), k_longest_reason),
        .at = rfc3339_millis(now),
    };
    Json document = {{"schema", k_schema}};
    document.update(out.to_json());
    OA_CHECK(write_file_atomic(file_beside(path), json_document(document)));
    return out;
}

Result<std::optional<Approval>>
check_approval(const std::filesystem::path& path, const Plan& plan, WallTime now) {
    auto read = read_approval(path);
    const bool needed = plan.playbook.approvals > 1;
    if (!needed) { // an unneeded approval is still shown when it is valid
        auto given = read ? *std::move(read) : std::nullopt;
        return given && given->plan == plan.id ? std::move(given) : std::nullopt;
    }
    OA_TRY(std::optional<Approval> approval, std::move(read));
    const auto refuse = [&](std::string why) {
        return fail(
            Code::precondition, std::move(why), file_beside(path).string(), by_another(path)
        );
    };
    if (!approval) {
        return refuse("this plan needs the approval of a second operator");
    }
    const auto at = parse_rfc3339(approval->at);
    const auto made = parse_rfc3339(plan.facts.created_at);
    if (approval->plan != plan.id) {
        return refuse("this approval is of another plan");
    }
    const Account author = author_of(plan);
    if (author.name.empty() || author.host.empty() || approval->by.name.empty() ||
        approval->by.host.empty() || approval->by == author) {
        return refuse(
            fmt::format("{} made this plan and cannot be its second operator", author.text())
        );
    }
    if (!at || !made || *at + k_clock_skew < *made || *at > now + k_clock_skew) {
        return refuse("this approval was given before the plan was made, or in the future");
    }
    return approval;
}

} // namespace oa_stream::playbook
