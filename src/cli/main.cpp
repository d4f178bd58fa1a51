#include "oa_stream/base/json.hpp"
#include "oa_stream/cli/version.hpp"

#include "compat_scripts.hpp"
#include "complete.hpp"
#include "context.hpp"
#include "help.hpp"
#include "parse.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>

namespace oa_stream::cli {

namespace {

/// One clear line on stderr; with --json also the document every command promises.
int report(const Error& error, bool json) {
    fmt::print(stderr, "oa-stream: {}\n", error.text());
    if (json) {
        Json document = Json::object();
        document["verdict"] = "ERROR";
        document["run"] = nullptr;
        document["evidence"] = nullptr;
        document["checks"] = Json::array();
        document["error"]["code"] = to_string(error.code);
        document["error"]["message"] = error.text();
        fmt::print("{}\n", dump_json(document));
    }
    return static_cast<int>(exit_code(error.code));
}

int dispatch(int argc, char** argv) {
    std::vector<std::string> words(argv + 1, argv + argc);
    // A link with a retired script's name is that script.
    if (const RetiredScript* script = find_retired(argc > 0 ? argv[0] : "")) {
        words.insert(words.begin(), {"compat", std::string(script->name)});
    }
    if (!words.empty() && words.front() == "__complete") { // asked by a shell's script
        fmt::print("{}", answer_shell(std::span(words).subspan(1)));
        return 0;
    }
    const auto invocation = parse_command_line(words);
    if (!invocation) {
        return report(invocation.error(), std::ranges::find(words, "--json") != words.end());
    }
    if (invocation->version) {
        fmt::print("{} {}\n", k_name, version());
        return 0;
    }
    if (invocation->help) {
        fmt::print(
            "{}", invocation->command == nullptr ? overview() : help_of(*invocation->command)
        );
        return 0;
    }
    auto context = real_context(*invocation, argc, argv);
    if (!context) {
        return report(context.error(), false);
    }
    auto code = invocation->command->run(invocation->args, *context);
    if (!code) {
        Error error = std::move(code).error();
        if (error.hint.empty()) { // whoever reads it at 3 a.m. is told what to type, at least this
            error.hint = fmt::format("oa-stream {} --help", invocation->command->path);
        }
        return report(error, context->json);
    }
    return static_cast<int>(*code);
}

} // namespace

int main(int argc, char** argv) {
    std::signal(
        SIGPIPE, SIG_IGN
    ); // a closed pipe is an error value of the write, not the end of us
    try {
        return dispatch(argc, argv);
    } catch (const std::exception& error) {
        fmt::print(stderr, "oa-stream: broken invariant: {}\n", error.what());
        return static_cast<int>(ExitCode::not_executed);
    }
}

} // namespace oa_stream::cli
