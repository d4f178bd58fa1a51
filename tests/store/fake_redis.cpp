#include "fake_redis.hpp"

#include "scripts.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>

namespace oa_stream::test {

namespace {

using boost::asio::ip::tcp;
using store::Command;
namespace scripts = store::scripts;
constexpr auto k_tuple = asio::as_tuple(asio::use_awaitable);

const std::string k_last_of_greeting = "probe UNLINK";
constexpr std::string_view k_info = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n"
                                    "server_time_usec:1700000000000000\r\n\r\n"
                                    "# Memory\r\nused_memory:1000000\r\nmaxmemory:0\r\n"
                                    "maxmemory_policy:noeviction\r\n\r\n"
                                    "# Persistence\r\nloading:0\r\naof_enabled:0\r\n\r\n"
                                    "# Replication\r\nrole:master\r\nconnected_slaves:0\r\n";

const std::map<std::string, std::string, std::less<>>& usual() {
    static const std::map<std::string, std::string, std::less<>> all{
        {"CLIENT SETNAME", "+OK\r\n"},
        {"INFO", bulk(k_info)},
        {"HGET", k_nil},
        {"HSET", k_one},
        {"PEXPIRE", k_one},
        {"UNLINK", k_one},
        {"WAIT", ":0\r\n"},
        {"sign_on", words({"b1", "", ""})},
        {"count", k_one},
        {"EVALSHA", error("NOSCRIPT No matching script. Please use EVAL.")},
        {"probe EXISTS", ":0\r\n"},
        {"probe GET", k_nil},
        {"probe SET", k_nil},
        {"probe PERSIST", ":0\r\n"},
        {"probe PTTL", ":-2\r\n"},
        {"probe HGET", k_nil},
        {"probe HMGET", "*1\r\n$-1\r\n"},
        {"probe HGETALL", "*0\r\n"},
        {"probe HDEL", ":0\r\n"},
        {"probe HSET", error("ERR wrong number of arguments for 'hset' command")},
        {"probe HINCRBY", error("ERR value is not an integer or out of range")},
        {"probe SREM", ":0\r\n"},
        {"probe SMEMBERS", "*0\r\n"},
        {"probe XADD", k_nil},
        {"probe XRANGE", "*0\r\n"},
        {"probe XREVRANGE", "*0\r\n"},
        {"probe XREAD", k_nil_list},
        {"probe SADD", k_one},
        {"probe PEXPIRE", k_one},
        {"probe UNLINK", k_one}
    };
    return all;
}

std::string script_name(std::string_view text) {
    const std::array all{
        &scripts::sign_on,
        &scripts::count,
        &scripts::acquire,
        &scripts::take_place,
        &scripts::commit,
        &scripts::end,
        &scripts::look,
        &scripts::offer,
        &scripts::hold_again,
        &scripts::reap,
        &scripts::adopt,
        &scripts::rows,
        &scripts::changes,
        &scripts::use_key,
        &scripts::orphans,
        &scripts::want,
        &scripts::let_go
    };
    const auto* const found = std::ranges::find(all, text, &store::Script::text);
    return found == all.end() ? std::string() : std::string((*found)->name);
}

std::string joined(const Command& command) {
    std::string out;
    for (const auto& word : command) {
        out += word.substr(0, 60) + " ";
    }
    return out;
}

} // namespace

std::string bulk(std::string_view text) {
    return fmt::format("${}\r\n{}\r\n", text.size(), text);
}

std::string list(const std::vector<std::string>& items) {
    auto out = fmt::format("*{}\r\n", items.size());
    for (const auto& item : items) {
        out += item;
    }
    return out;
}

std::string words(const std::vector<std::string>& items) {
    std::vector<std::string> out(items.size());
    std::ranges::transform(items, out.begin(), bulk);
    return list(out);
}

std::string error(std::string_view text) {
    return fmt::format("-{}\r\n", text);
}

std::string info(std::string_view name, std::string_view value) {
    std::string text(k_info);
    const auto at = text.find(fmt::format("\n{}:", name)) + 1;
    return bulk(text.replace(at, text.find('\r', at) - at, fmt::format("{}:{}", name, value)));
}

struct FakeRedis::State {
    explicit State(asio::io_context& context)
        : acceptor(context, {boost::asio::ip::address_v4::loopback(), 0}) {}

    [[nodiscard]] std::string name_of(const Command& command) const;
    [[nodiscard]] Answer answer_to(const Command& command);
    [[nodiscard]] Answer load(const std::string& text);
    [[nodiscard]] static Task<void> accept(std::shared_ptr<State> state);
    [[nodiscard]] static Task<void> serve(std::shared_ptr<State> state, tcp::socket socket);
    [[nodiscard]] static Task<bool> say(tcp::socket& socket, Answer answer);

    tcp::acceptor acceptor;
    std::size_t dialled = 0;
    std::map<std::string, std::deque<Answer>> next{};
    std::map<std::string, Answer> always{};
    std::optional<Answer> welcome{};
    std::map<std::string, std::vector<Command>> said{};
    std::map<std::string, std::string> digests{}; ///< and their scripts' names
    std::vector<std::string> surprises{};
};

std::string FakeRedis::State::name_of(const Command& command) const {
    const auto& first = command.at(0);
    if (first == "SCRIPT" || first == "CLIENT") {
        return first + " " + command.at(1);
    }
    if (first == "EVALSHA") {
        const auto known = digests.find(command.at(1));
        return known == digests.end() ? first : known->second;
    }
    const bool probes = std::ranges::any_of(command, [](const std::string& word) {
        return word.contains(":probe:");
    });
    return probes ? "probe " + first : first;
}

FakeRedis::Answer FakeRedis::State::load(const std::string& text) {
    const auto hash = std::hash<std::string>()(text);
    const auto digest = fmt::format("{:040x}", hash);
    if (const auto name = script_name(text); !name.empty()) {
        digests[digest] = name;
    }
    return {bulk(digest)};
}

FakeRedis::Answer FakeRedis::State::answer_to(const Command& command) {
    const auto name = name_of(command);
    said[name].push_back(command);
    if (auto& waiting = next[name]; !waiting.empty()) {
        auto answer = std::move(waiting.front());
        waiting.pop_front();
        return answer;
    }
    if (const auto found = always.find(name); found != always.end()) {
        return found->second;
    }
    if (name == "SCRIPT LOAD") {
        return load(command.at(2));
    }
    if (const auto found = usual().find(name); found != usual().end()) {
        return {found->second};
    }
    surprises.push_back("unexpected: " + joined(command));
    return {error("ERR nobody expected this")};
}

/// False: the connection is over.
Task<bool> FakeRedis::State::say(tcp::socket& socket, Answer answer) {
    for (const auto& piece : answer.pieces) {
        (void)co_await asio::async_write(socket, asio::buffer(piece), k_tuple);
        // The other end reads what is there before the next piece comes.
        co_await asio::post(asio::use_awaitable);
    }
    std::array<char, 1024> ignored{};
    while (answer.then == Then::stall) {
        const auto [gone, size] = co_await socket.async_read_some(asio::buffer(ignored), k_tuple);
        if (gone) {
            co_return false;
        }
    }
    co_return answer.then == Then::stay;
}

Task<void> FakeRedis::State::serve(std::shared_ptr<State> state, tcp::socket socket) {
    store::ReplyReader reader; // commands are lists of texts
    std::string piece(64U << 10U, '\0');
    if (state->welcome && !co_await say(socket, *state->welcome)) {
        co_return;
    }
    while (true) {
        const auto [gone, size] = co_await socket.async_read_some(asio::buffer(piece), k_tuple);
        if (gone) {
            co_return;
        }
        reader.feed(std::string_view(piece).substr(0, size));
        while (const auto asked = reader.next().value_or(std::nullopt)) {
            Command command;
            for (const auto& item : asked->items) {
                command.push_back(item.text);
            }
            if (!co_await say(socket, state->answer_to(command))) {
                co_return;
            }
        }
    }
}

Task<void> FakeRedis::State::accept(std::shared_ptr<State> state) {
    while (true) {
        auto [stopped, socket] = co_await state->acceptor.async_accept(k_tuple);
        if (stopped) {
            co_return;
        }
        ++state->dialled;
        socket.set_option(tcp::no_delay(true));
        spawn(state->acceptor.get_executor(), "fake client", serve(state, std::move(socket)));
    }
}

FakeRedis::FakeRedis(asio::io_context& context) : state_(std::make_shared<State>(context)) {
    spawn(context.get_executor(), "fake server", State::accept(state_));
}

FakeRedis::~FakeRedis() {
    boost::system::error_code ignored;
    state_->acceptor.close(ignored);
}

void FakeRedis::next(const std::string& name, Answer answer) {
    state_->next[name].push_back(std::move(answer));
}

void FakeRedis::always(const std::string& name, Answer answer) {
    state_->always.insert_or_assign(name, std::move(answer));
}

void FakeRedis::as_usual(const std::string& name) {
    state_->always.erase(name);
}

void FakeRedis::welcome(Answer answer) {
    state_->welcome = std::move(answer);
}

std::string FakeRedis::port() const {
    return std::to_string(state_->acceptor.local_endpoint().port());
}

std::string FakeRedis::address() const {
    return "127.0.0.1:" + port();
}

std::size_t FakeRedis::dialled() const {
    return state_->dialled;
}

std::vector<Command> FakeRedis::said(const std::string& name) const {
    return state_->said[name];
}

std::vector<std::string> FakeRedis::surprises() const {
    auto out = state_->surprises;
    for (const auto& [name, waiting] : state_->next) {
        if (!waiting.empty()) {
            out.push_back(fmt::format("{} times in vain: {}", waiting.size(), name));
        }
    }
    return out;
}

FakeRig::~FakeRig() {
    store.reset();
    CHECK(redis.surprises() == std::vector<std::string>());
}

store::StoreOptions FakeRig::options() const {
    store::StoreOptions out;
    out.url = "redis://" + redis.address();
    out.lease = Millis(60'000); // it says nothing by itself
    out.wait = Millis(10'000); // tests of late answers say less: a busy machine is no fault
    return out;
}

store::Store& FakeRig::open(std::optional<store::StoreOptions> with) {
    store = store::make_redis_store(context.get_executor(), with.value_or(options()));
    get(store->open());
    greeted_ = redis.said(k_last_of_greeting).size();
    return *store;
}

Error FakeRig::refused(std::optional<store::StoreOptions> with) {
    store = store::make_redis_store(context.get_executor(), with.value_or(options()));
    const auto opened = run(store->open());
    REQUIRE_FALSE(opened);
    return opened.error();
}

void FakeRig::dialled_anew(std::size_t before) {
    until("another connection", [&] { return redis.dialled() > before; });
    // On a busy machine a greeting may come too late, and one more connection is made.
    until("its greeting", [&] {
        return store->trouble().empty() && redis.said(k_last_of_greeting).size() > greeted_;
    });
    greeted_ = redis.said(k_last_of_greeting).size();
    for (int i = 0; i < 50; ++i) { // whatever has come is taken
        context.restart();
        context.poll();
    }
}

} // namespace oa_stream::test
