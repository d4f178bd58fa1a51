#include "rig.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::routes::testing {

RouteStatus split_status() {
    RouteStatus out;
    out.enabled = true;
    out.mode = "rust";
    out.cohort_percentage = 100;
    out.rust_routes = {"/"};
    out.legacy_base_url = "https://legacy.example.org";
    out.groups = {
        {"auth_entry", {"/login", "/register"}, "legacy"},
        {"billing_l402", {"/billing"}, "legacy"},
        {"chat_pilot", {"/chat"}, "rust_shell"},
    };
    return out;
}

ControlRig::ControlRig(std::size_t processes)
    : memories(processes),
      server_(std::make_unique<probe::test::RawServer>(
          loop_.executor(), [this](const RawRequest& request) { return answer(request); }
      )),
      http_(net::HttpClient::make(loop_.executor())) {
    options.base_url = server_->url();
    options.bearer = Secret("t0ken");
    options.attempts = 1;
    options.pause = Millis(1);
}

Script ControlRig::answer(const RawRequest& request) {
    const std::size_t nth = nth_++;
    const Json asked = parse_json(request.body).value_or(Json::object());
    std::string entry(call_of(request));
    if (entry == "evaluate") {
        entry += " " + asked.value("path", "");
    } else if (entry == "override") {
        entry += fmt::format(" {} {}", asked.value("domain", "global"), asked.value("target", ""));
    }
    log.push_back(std::move(entry));
    if (Script other = instead ? instead(request) : Script{}; !other.empty()) {
        return other;
    }
    return {probe::test::Send{carry_out(request, deal ? deal(nth, request) : nth % memories.size())}
    };
}

std::string ControlRig::carry_out(const RawRequest& request, std::size_t process) {
    const Json asked = parse_json(request.body).value_or(Json::object());
    Overrides& memory = memories.at(process);
    if (call_of(request) == "override") {
        RouteChange change{asked.value("target", ""), {}};
        if (asked.contains("domain")) {
            change.domain = asked["domain"].get<std::string>();
        }
        memory = after_changes(with_overrides(status, memory), std::array{change}).value();
    }
    const RouteStatus now = with_overrides(status, memory);
    if (call_of(request) != "evaluate") {
        return data_answer(to_json(now));
    }
    RouteDecision out;
    out.path = asked.value("path", "");
    const RouteRule rule = rule_for(now, out.path);
    out.target = rule.target;
    out.reason = rule.reason;
    out.cohort_key = asked.value("cohort_key", "chosen");
    return data_answer(to_json(out));
}

std::size_t ControlRig::count(std::string_view entry) const {
    return static_cast<std::size_t>(std::ranges::count(log, entry));
}

std::string_view call_of(const RawRequest& request) {
    return std::string_view(request.path).substr(request.path.rfind('/') + 1);
}

std::string data_answer(const Json& data) {
    return probe::test::json_answer(200, dump_json(Json{{"data", data}}));
}

Script only(int status) {
    return {probe::test::Send{probe::test::json_answer(status, "{}")}};
}

RouteLooks quick_looks(int agree) {
    RouteLooks out;
    out.agree = agree;
    out.pause = Millis(1);
    out.limit = Millis(5000);
    return out;
}

} // namespace oa_stream::routes::testing
