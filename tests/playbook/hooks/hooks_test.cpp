// One event to one program or server.
#include "oa_stream/base/error.hpp"
#include "oa_stream/net/http_client.hpp"
#include "oa_stream/net/http_server.hpp"

#include "hooks/hooks.hpp"
#include "run_task.hpp"

#include <catch2/catch.hpp>

#include <stdlib.h>

#include <memory>
#include <string>
#include <utility>

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

TEST_CASE("hooks: a server says no by 3xx and 4xx; what else failed leaves its answer unknown") {
    struct Row {
        const char* scheme;
        int status;
        Code code;
    };
    const auto row = GENERATE(
        Row{"http", 302, Code::precondition},
        Row{"http", 403, Code::precondition},
        Row{"http", 501, Code::unavailable},
        Row{"http", 503, Code::unavailable},
        Row{"https", 200, Code::unavailable} // it speaks no TLS
    );
    CAPTURE(row.scheme, row.status);
    asio::io_context io;
    const auto server = net::HttpServer::listen(
        io.get_executor(),
        {"127.0.0.1", 0},
        {},
        [&row](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
            (void)co_await exchange->respond({.status = row.status});
        },
        nullptr
    );
    REQUIRE(server.has_value());
    HookSpec hook;
    hook.webhook = std::string(row.scheme) + "://" + (*server)->endpoint().text() + "/";
    hook.timeout = Millis(400); // shorter than the pause before another try
    std::shared_ptr<net::HttpClient> client = net::HttpClient::make(io.get_executor());
    const auto out = test::run_task(io, deliver_to_server(client, hook, {}, "id-1", "{}"));
    REQUIRE_FALSE(out.has_value());
    CHECK(out.error().code == row.code);
}
