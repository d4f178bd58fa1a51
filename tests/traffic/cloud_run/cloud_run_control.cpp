// What a test in another process tells the fake, and what it learns.
#include "cloud_run_fake.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::traffic::testing {
namespace {

constexpr std::array<std::string_view, 4> k_ends{"whole", "half", "drop", "hang"};
constexpr std::array<std::string_view, 4> k_fates{"good", "fails", "stuck", "partial"};

template <std::size_t N>
Result<int> word_of(const Json& json, const std::array<std::string_view, N>& words) {
    const std::string text = json.is_string() ? json.get<std::string>() : json.dump();
    const auto found = std::ranges::find(words, text);
    if (found == words.end()) {
        return fail(Code::usage, fmt::format("unknown word '{}'", text));
    }
    return static_cast<int>(found - words.begin());
}

int number(const Json& json, std::string_view key, int otherwise) {
    return static_cast<int>(int_member(json, key).value_or(otherwise));
}

Result<void> arrange_one(CloudRunFake& fake, const std::string& key, const Json& value) {
    CloudRunModel& model = fake.model;
    if (key == "fault") {
        OA_TRY(Fault fault, fault_of(value));
        fake.faults.push_back(std::move(fault));
    } else if (key == "fate") {
        OA_TRY(const int fate, word_of(value, k_fates));
        model.fates.push_back(static_cast<Fate>(fate));
    } else if (key == "failure") {
        model.failure = value.get<std::string>();
    } else if (key == "latency_ms") {
        model.latency = Millis(value.get<int>());
    } else if (key == "held") {
        model.held = value.get<bool>();
    } else if (key == "operator") {
        model.operator_splits(value.get<int>());
    } else if (key == "deployment_fails") {
        model.deployment_fails(value.get<std::string>());
    } else if (key == "traffic") {
        model.operator_sets(value);
    } else if (key == "revisions") {
        model.revisions = value.get<std::map<std::string, bool>>();
    } else if (key == "tag_uris") {
        model.tag_uris = value.get<std::map<std::string, std::string>>();
    } else if (key == "latest_ready") {
        model.latest_ready = value.get<std::string>();
    } else if (key == "tokens") {
        fake.tokens = value.get<std::set<std::string>>();
    } else if (key == "clear") {
        fake.faults.clear();
        model.fates.clear();
    } else {
        return fail(Code::usage, "unknown key " + key);
    }
    return {};
}

} // namespace

Result<Fault> fault_of(const Json& json) {
    Fault out;
    out.on = string_member(json, "on").value_or(out.on);
    out.skip = number(json, "skip", 0);
    out.times = number(json, "times", 1);
    out.apply = bool_member(json, "apply").value_or(false);
    out.status = number(json, "status", 0);
    out.body = string_member(json, "body").value_or("");
    out.type = string_member(json, "type").value_or(out.type);
    out.then_operator = number(json, "then_operator", -1);
    if (const Json* end = member(json, "end")) {
        OA_TRY(const int word, word_of(*end, k_ends));
        out.end = static_cast<Fault::End>(word);
    }
    if (const Json* headers = member(json, "headers")) {
        for (const auto& [name, value] : headers->items()) {
            out.headers.emplace_back(name, value.get<std::string>());
        }
    }
    return out;
}

Json CloudRunFake::state() {
    Json calls = Json::array();
    for (const Seen& one : seen) {
        calls.push_back(
            {{"method", one.method},
             {"what", one.what},
             {"target", one.target},
             {"status", one.status},
             {"body", one.body}}
        );
    }
    return {
        {"serving", model.serving()},
        {"traffic", model.traffic()},
        {"reconciling", model.reconciling()},
        {"applied", model.applied()},
        {"violations", model.violations()},
        {"template", model.template_mark()},
        {"seen", std::move(calls)},
    };
}

ApiAnswer CloudRunFake::control(std::string_view method, std::string_view path, const Json& in) {
    if (method == "GET" && path == "state") {
        return {200, state()};
    }
    if (method == "GET" && path == "serving") {
        return {200, model.serving()};
    }
    if (method == "POST" && path == "arrange") {
        for (const auto& [key, value] : in.items()) {
            if (const auto done = arrange_one(*this, key, value); !done) {
                return {400, {{"error", done.error().text()}}};
            }
        }
        return {200, state()};
    }
    return {404, {{"error", "GET state, GET serving, POST arrange"}}};
}

} // namespace oa_stream::traffic::testing
