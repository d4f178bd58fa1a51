#include "plan/plan_back.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/playbook/file.hpp"
#include "oa_stream/run/suggest.hpp"
#include "oa_stream/traffic/kind.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace oa_stream::playbook {
namespace {

/// Settings of the plan's driver.
const Json& settings_in(const Json& plan) {
    return object_in(object_in(object_in(plan, "playbook"), "traffic"), "settings");
}

/// The plan's value for a variable of a shipped playbook.
std::string known_value(const Json& plan, const std::string& name) {
    const Json& playbook = object_in(plan, "playbook");
    const Json& settings = settings_in(plan);
    for (const Json* from :
         {&object_in(playbook, "traffic"),
          &object_in(playbook, "target"),
          &settings,
          &object_in(object_in(plan, "source"), "set")}) {
        if (const std::string value = text_in(*from, name); !value.empty()) {
            return value;
        }
    }
    const Json& read = list_in(settings, "read");
    const bool program = name == "program" && !read.empty() && read.front().is_string();
    return program ? read.front().get<std::string>() : std::string();
}

/// The shipped playbook calls one program with one word. A driver that is called differently would
/// be called incorrectly, under the lock of another target.
bool calls_as_shipped(const Json& plan) {
    const auto* kind = traffic::driver_kind(text_in(plan, "driver"));
    if (kind == nullptr || kind->programs.empty()) {
        return true;
    }
    const std::string program = known_value(plan, "program");
    return std::ranges::all_of(kind->programs, [&](std::string_view call) {
        return list_in(settings_in(plan), call) == Json::array({program, call});
    });
}

/// Adds the variables of a shipped playbook, one per line: "- { name: base_url, required: true, …".
/// False: the plan lacks a required one.
bool add_settings(std::vector<std::string>& arguments, std::string_view text, const Json& plan) {
    constexpr std::string_view k_name = "- { name: ";
    while (!text.empty()) {
        const std::string_view line = cut_line(text);
        const auto at = line.find(k_name);
        if (at == std::string_view::npos) {
            continue;
        }
        const std::string_view rest = line.substr(at + k_name.size());
        const std::string name(rest.substr(0, rest.find_first_of(", }")));
        const std::string value = known_value(plan, name);
        if (value.empty() && rest.contains("required: true")) {
            return false;
        }
        if (!value.empty()) {
            arguments.emplace_back(names::set);
            arguments.push_back(fmt::format("{}={}", name, value));
        }
    }
    return true;
}

} // namespace

Advice plan_back_command(const Json& plan) {
    const std::string name = "rollback-" + text_in(plan, "driver");
    const ShippedPlaybook* shipped = shipped_playbook(name);
    if (shipped == nullptr) {
        return {};
    }
    std::vector<std::string> arguments{name};
    if (!calls_as_shipped(plan) || !add_settings(arguments, shipped->text, plan)) {
        return {};
    }
    arguments.emplace_back(names::out);
    arguments.emplace_back("back.json");
    return Suggestion{"rollback plan", std::move(arguments)};
}

std::string manual_step(const Plan& plan) {
    const std::string command = manual_command(plan.playbook.traffic, plan.home());
    return command.empty() ? std::string() : std::string(run::k_by_hand) + command;
}

Advice manual_back_command(std::string_view manual, std::string_view run) {
    const Suggestion then = run::suggest_rollback(std::string(run));
    return manual.empty() ? Advice() : fmt::format("{} && ", manual) + Advice(then);
}

Suggestion plan_back_of(std::string_view target) {
    const std::string name = fmt::format("rollback-{}", target.substr(0, target.find(':')));
    return {
        "rollback plan",
        {shipped_playbook(name) == nullptr ? "rollback-DRIVER" : name,
         names::set,
         std::string(k_fill_in),
         names::out,
         "back.json"}
    };
}

Advice plan_again_command(const Plan& plan, const std::filesystem::path& file) {
    if (!plan.source || (shipped_playbook(plan.source->file) == nullptr &&
                         !is_there(std::filesystem::path(plan.source->file)))) {
        return {};
    }
    std::vector<std::string> arguments{plan.source->file};
    for (const auto& [name, value] : plan.source->set) {
        arguments.emplace_back(names::set);
        arguments.push_back(fmt::format("{}={}", name, value));
    }
    if (!plan.facts.probes) {
        arguments.emplace_back(names::no_probes);
    }
    arguments.emplace_back(names::out);
    arguments.push_back(file.string());
    const bool back = plan.playbook.kind == Kind::rollback;
    return Suggestion{back ? "rollback plan" : "cutover plan", std::move(arguments)};
}

} // namespace oa_stream::playbook
