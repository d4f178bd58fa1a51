#include "lane_rig.hpp"

namespace oa_stream::test {

using lane::LaneConfig;

LaneConfig LaneRig::quick() {
    LaneConfig config;
    config.revision = "rev-1";
    config.version = "1.2.3";
    config.timings.tick = Millis(5);
    config.timings.reader_leaving = Millis(30);
    return config;
}

LaneRig::LaneRig(LaneConfig config) {
    const auto executor = context.get_executor();
    ids = lane::IdMap::open(executor, {}).value();
    lane::LaneParts parts;
    parts.authority = &authority;
    parts.ids = ids.get();
    parts.observer = &watcher;
    parts.access_log = [this](std::string_view line) { access.emplace_back(line); };
    parts.metrics = [this](bool ready) {
        return watcher.metrics.text(authority.readings(), ready);
    };
    parts.log = &log;
    net::ServerLimits limits;
    limits.body_bytes = 64U << 10U;
    lane = std::make_unique<lane::Lane>(executor, std::move(config), std::move(parts));
    server = net::HttpServer::listen(
                 executor,
                 net::parse_endpoint("127.0.0.1:0").value(),
                 limits,
                 lane->handler(),
                 lane->error_page()
    )
                 .value();
    client = net::HttpClient::make(executor);
}

LaneRig::~LaneRig() {
    client.reset();
    lane->close();
    server->close();
    context.restart();
    context.run_for(Millis(20));
    server.reset();
}

net::ClientRequest
LaneRig::post(std::string_view path, std::string_view body, net::Headers headers) const {
    net::ClientRequest request;
    request.method = "POST";
    request.url = fmt::format("http://{}{}", server->endpoint().text(), path);
    request.headers = std::move(headers);
    if (!request.headers.has("content-type")) {
        request.headers.set("content-type", "application/json");
    }
    request.body = body;
    return request;
}

net::ClientRequest LaneRig::get(std::string_view path) const {
    net::ClientRequest request;
    request.url = fmt::format("http://{}{}", server->endpoint().text(), path);
    return request;
}

net::ClientResponse LaneRig::send(net::ClientRequest request) {
    const auto before = watcher.requests.size();
    auto response = run(client->fetch(std::move(request)));
    until("the request's record", [&] { return watcher.requests.size() > before; });
    return response;
}

std::shared_ptr<Stream> LaneRig::open(net::ClientRequest request) {
    auto stream = std::make_shared<Stream>();
    request.fresh_connection = true;
    net::StreamHandlers handlers;
    handlers.on_head = [stream](const net::ClientResponse& head) {
        stream->head = head;
        return net::Flow::go_on;
    };
    handlers.on_bytes = [stream](std::string_view bytes, Clock::time_point) {
        if (stream->paused) {
            return net::Flow::pause;
        }
        stream->bytes += bytes;
        return net::Flow::go_on;
    };
    stream->transfer = client->stream(std::move(request), std::move(handlers));
    spawn(context.get_executor(), "stream", [](std::shared_ptr<Stream> inner) -> Task<void> {
        const auto response = co_await inner->transfer->done();
        inner->failure = response.failure;
        inner->head.status = response.status;
        inner->ended = true;
    }(stream));
    return stream;
}

std::shared_ptr<Stream> LaneRig::chat(std::string_view thread, std::string_view text) {
    auto stream = open(post(fmt::format("/api/chats/{}/stream", thread), user_message(text)));
    until("the stream's beginning", [&] { return stream->has("start-step") || stream->ended; });
    return stream;
}

void LaneRig::give_tokens(std::initializer_list<std::pair<const char*, const char*>> owners) const {
    lane::TokenTable table;
    for (const auto& [token, owner] : owners) {
        table.add(Secret(token), owner);
    }
    lane->set_tokens(std::move(table));
}

void LaneRig::await_end(const std::shared_ptr<Stream>& stream) {
    until("the stream's end", [&] { return stream->ended; });
}

void LaneRig::await_legal(const std::shared_ptr<Stream>& stream) {
    await_end(stream);
    judge(*stream);
}

void LaneRig::complete(const std::shared_ptr<Stream>& stream) {
    authority.last().complete();
    await_end(stream);
}

void LaneRig::judge(
    const Stream& stream, contract::Profile profile, std::optional<contract::Continues> continues
) {
    contract::Judge judge(profile, std::move(continues));
    judge.messages_known();
    judge.head({stream.head.status, stream.head.headers.all()});
    judge.feed(stream.bytes);
    const auto judgement = judge.finish(stream.failure == net::TransferFailure::none);
    for (const auto& violation : judgement.violations) {
        UNSCOPED_INFO(violation.rule->id << ": " << violation.message);
    }
    INFO(stream.bytes);
    CHECK(judgement.pass());
}

const lane::TurnOutcome& only_turn(LaneRig& rig) {
    rig.until("the turn's outcome", [&] { return !rig.watcher.turns.empty(); });
    REQUIRE(rig.watcher.turns.size() == 1);
    return rig.watcher.turns.front();
}

Json json_of(const net::ClientResponse& response) {
    auto body = parse_json(response.body);
    REQUIRE(body.has_value());
    return *std::move(body);
}

std::string error_code_of(const net::ClientResponse& response) {
    return json_of(response).at("error").at("code").get<std::string>();
}

net::ClientRequest as(std::string_view token, net::ClientRequest request) {
    request.headers.set("authorization", fmt::format("Bearer {}", token));
    return request;
}

} // namespace oa_stream::test
