#include "oa_stream/base/check.hpp"

#include "oa_stream/base/enum_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace oa_stream {

std::string_view to_string(CheckMode mode) noexcept {
    static constexpr std::array<std::string_view, 5> k_words{
        "live", "rehearsed", "replayed", "asserted", "skipped"
    };
    return enum_word<CheckMode::skipped>(k_words, mode);
}

Check make_check(std::string id, Verdict verdict, std::string detail, Json data) {
    return {
        .id = std::move(id),
        .verdict = verdict,
        .mode = verdict == Verdict::skipped ? CheckMode::skipped : CheckMode::live,
        .detail = std::move(detail),
        .data = std::move(data),
    };
}

Verdict run_verdict(const std::vector<Check>& checks) noexcept {
    std::vector<Verdict> parts;
    bool live_pass = false;
    bool required_skipped = false;
    for (const Check& check : checks) {
        parts.push_back(check.verdict);
        live_pass |= check.verdict == Verdict::pass && check.mode == CheckMode::live;
        required_skipped |= check.verdict == Verdict::skipped && check.required;
    }
    const Verdict verdict = worst(parts);
    if (verdict == Verdict::pass && (!live_pass || required_skipped)) {
        return Verdict::inconclusive;
    }
    return verdict;
}

Json to_json(const Check& check) {
    Json json = Json::object();
    json["id"] = check.id;
    json["verdict"] = to_string(check.verdict);
    json["mode"] = to_string(check.mode);
    json["required"] = check.required;
    json["detail"] = check.detail;
    if (!check.evidence.empty()) {
        json["evidence"] = check.evidence;
    }
    if (!check.data.empty()) {
        json["data"] = check.data;
    }
    return json;
}

std::string check_line(const Check& check) {
    return fmt::format("{} {}: {}", to_string(check.verdict), check.id, check.detail);
}

std::string check_rows(const std::vector<Check>& checks) {
    std::size_t verdicts = 0;
    std::size_t ids = 0;
    for (const Check& check : checks) {
        verdicts = std::max(verdicts, to_string(check.verdict).size());
        ids = std::max(ids, check.id.size());
    }
    std::string out;
    for (const Check& check : checks) {
        out += fmt::format(
            "  {:<{}}  {:<{}}  {}\n",
            to_string(check.verdict),
            verdicts,
            check.id,
            ids,
            check.detail
        );
    }
    return out;
}

} // namespace oa_stream
