// One event to one program.
#include "oa_stream/base/error.hpp"

#include "hooks/hooks.hpp"
#include "run_task.hpp"

#include <catch2/catch.hpp>

#include <stdlib.h>

#include <string>

using namespace oa_stream;
using namespace oa_stream::playbook;

namespace {

Error refused(std::string script, Millis timeout) {
    HookSpec hook;
    hook.run = {"/bin/sh", "-c", std::move(script)};
    hook.env = {"OA_TEST_CHAT_ROOM", "OA_TEST_ABSENT"};
    hook.timeout = timeout;
    asio::io_context io;
    const auto out =
        test::run_task(io, deliver_to_program(io.get_executor(), hook, "run-ended", "{}"));
    REQUIRE_FALSE(out.has_value());
    return out.error();
}

} // namespace

TEST_CASE("hooks: what a program was given through the environment is masked in what it says") {
    ::setenv("OA_TEST_CHAT_ROOM", "room-of-horse-battery", 1);
    const Error no = refused("echo \"no $OA_TEST_CHAT_ROOM\" >&2; exit 3", Millis(10000));
    const Error late = refused("echo \"no $OA_TEST_CHAT_ROOM\" >&2; sleep 60", Millis(300));
    ::unsetenv("OA_TEST_CHAT_ROOM");
    CHECK(no.code == Code::precondition);
    CHECK(no.message == "exit 3: no *********************");
    CHECK(late.code == Code::timeout);
    CHECK(late.message == "not done within 300ms, ended by us: no *********************");
}
