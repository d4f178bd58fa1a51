// What an operator's program may be: keeps weights in a folder and goes wrong as told.
// split_program FOLDER read|set|preview
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <string>

using namespace oa_stream;
namespace fs = std::filesystem;

namespace {

class Machine {
public:
    explicit Machine(fs::path folder) : folder_(std::move(folder)) {
        state_ = parse_json(text("state.json")).value_or(Json::object());
    }
    [[nodiscard]] std::string text(const std::string& name) const {
        return read_file(folder_ / name).value_or("");
    }
    [[nodiscard]] std::string trouble() const { return text("trouble"); }
    [[nodiscard]] bool held() const { return fs::exists(folder_ / "hold"); }
    [[nodiscard]] Json& operator[](const char* key) { return state_[key]; }
    void save() const {
        if (!write_file_atomic(folder_ / "state.json", dump_json(state_))) {
            std::_Exit(99);
        }
    }
    void count_write() const {
        const std::string so_far = text("writes") + ".";
        static_cast<void>(write_file_atomic(folder_ / "writes", so_far));
    }

private:
    fs::path folder_;
    Json state_;
};

Json percents(const Json& weights) {
    std::int64_t sum = 0;
    for (const auto& [name, weight] : weights.items()) {
        sum += weight.get<std::int64_t>();
    }
    Json out = Json::object();
    for (const auto& [name, weight] : weights.items()) {
        out[name] = weight.get<std::int64_t>() * 100 / sum;
    }
    return out;
}

std::string read_answer(Machine& machine) {
    const bool pending = !machine["pending"].is_null();
    Json out;
    out["serving"] = percents(machine["weights"]);
    out["wanted"] = percents(pending ? machine["pending"] : machine["weights"]);
    out["settled"] = !pending;
    if (machine["etags"].get<bool>()) {
        out["etag"] = fmt::format("v{}", machine["version"].get<int>());
    }
    out["exact"] = Json{{"weights", pending ? machine["pending"] : machine["weights"]}};
    out["exact_split"] = true;
    out["urls"] = {{"stable", "http://127.0.0.1:1/"}, {"canary", "http://127.0.0.1:2"}};
    if (!machine["ready"].get<bool>()) {
        out["not_ready"] = {"canary"};
    }
    return dump_json(out);
}

int refuse(int code, const std::string& why) {
    fmt::print(stderr, "split_program: {}\n", why);
    return code;
}

int check(Machine& machine, const Json& target) {
    for (const auto& [name, share] : target.items()) {
        if (!machine["weights"].contains(name)) {
            return refuse(110, "no such revision: " + name);
        }
        if (name == "canary" && share.get<int>() > 0 && !machine["ready"].get<bool>()) {
            return refuse(110, "canary is not ready");
        }
    }
    return 0;
}

int write(Machine& machine, const Json& asked) {
    machine.count_write();
    const std::string trouble = machine.trouble();
    if (trouble == "denied") {
        return refuse(112, "this account may only look");
    }
    if (trouble == "lost_request" || trouble == "half_answer") {
        std::raise(SIGKILL);
    }
    const Json& target = *member(asked, "target");
    if (const int no = check(machine, target); no != 0) {
        return no;
    }
    if (machine["etags"].get<bool>() &&
        string_member(asked, "etag") != fmt::format("v{}", machine["version"].get<int>())) {
        return refuse(111, "somebody else was faster");
    }
    const Json* exact = member(asked, "exact");
    Json weights = exact != nullptr && exact->is_object() ? *member(*exact, "weights") : target;
    for (const auto& [name, weight] : machine["weights"].items()) {
        weights.emplace(name, 0);
    }
    machine[machine.held() ? "pending" : "weights"] = weights;
    machine["version"] = machine["version"].get<int>() + 1;
    machine.save();
    if (trouble == "lost_answer") {
        std::raise(SIGKILL);
    }
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        return 2;
    }
    const std::string input(std::istreambuf_iterator<char>(std::cin), {});
    const auto asked = parse_json(input);
    const std::string call = argv[2];
    if (!asked || string_member(*asked, "call") != call) {
        return refuse(3, "this is not what was asked: " + input);
    }
    Machine machine(argv[1]);
    const std::string trouble = machine.trouble();
    if (trouble == "silent") {
        while (true) {
            ::pause();
        }
    }
    if (trouble == "garbage") {
        fmt::print("<html><body>502</body></html>\n");
        return call == "read" ? 0 : 1;
    }
    if (call == "read") {
        const std::string answer = read_answer(machine);
        fmt::print(
            "{}", trouble == "half_answer" ? answer.substr(0, answer.size() / 2) : answer + "\n"
        );
        return 0;
    }
    if (call == "preview" && trouble == "half_answer") {
        std::raise(SIGKILL);
    }
    return call == "set" ? write(machine, *asked) : check(machine, *member(*asked, "target"));
}
