#include "judge_again.hpp"

#include <fmt/format.h>

namespace oa_stream::report {
namespace {

std::string judge_line(std::string_view profile, std::string_view begin) {
    return fmt::format(
        "oa-stream check{} --headers streams/{}NAME.head streams/{}NAME.sse\n",
        profile,
        begin,
        begin
    );
}

} // namespace

std::string judge_again(const KeptEvidence& kept) {
    std::string out;
    out += kept.streams ? judge_line("", "") : "";
    out += kept.completions ? judge_line(" --profile chat-completions", k_completions_file) : "";
    out += kept.responses ? judge_line(" --profile responses", k_responses_file) : "";
    return out;
}

} // namespace oa_stream::report
