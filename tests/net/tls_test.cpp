// The TLS listener: the same server, behind a handshake.
#include "oa_stream/net/client_certificate.hpp"

#include "tls_support.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <sys/stat.h>

#include <array>
#include <fstream>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::net;
using namespace oa_stream::net::testing;

namespace {

using State = BodyStream::State;

/// Sends distinct pieces, in several slices each, until the socket is full; returns what was sent.
std::string fill(BodyStream& stream) {
    std::string sent;
    for (int index = 0; stream.state() == State::open; ++index) {
        const std::array texts{
            fmt::format("piece {} ", index),
            std::string(static_cast<std::size_t>(1 + index * 977 % 40000), 'x'),
            std::string("!")
        };
        std::vector<Slice> slices;
        for (const auto& text : texts) {
            sent += text;
            slices.push_back(slice(text));
        }
        (void)stream.send(slices);
    }
    return sent;
}

std::string without_chunks(std::string_view body) {
    std::string out;
    while (!body.empty()) {
        const auto line = body.find("\r\n");
        const auto size = std::stoul(std::string(body.substr(0, line)), nullptr, 16);
        out += body.substr(line + 2, size);
        body.remove_prefix(line + 2 + size + 2);
        if (size == 0) {
            break;
        }
    }
    return out;
}

} // namespace

TEST_CASE("TLS: a pair that cannot serve is refused with its reason") {
    struct Row {
        const char* what;
        Code code;
        const char* says;
    };
    const auto row = GENERATE(
        Row{"no certificate file", Code::unreadable, "cert.pem"},
        Row{"no key file", Code::unreadable, "key.pem"},
        Row{"certificate is no PEM", Code::config, "no usable certificate"},
        Row{"key is no PEM", Code::config, "no usable private key"},
        Row{"chain with a broken second", Code::config, "chain"},
        Row{"key of another certificate", Code::config, "does not belong"},
        Row{"key with a passphrase", Code::config, "unencrypted"},
        Row{"key anyone may read", Code::config, "0644"},
        Row{"key the group may write", Code::config, "0660"}
    );
    const std::string_view what = row.what;
    CAPTURE(what);
    const PemFiles files;
    const auto pair = make_pem_pair("a");
    if (what == "no certificate file") {
        ::unlink(files.certificate().c_str());
    } else if (what == "no key file") {
        ::unlink(files.key().c_str());
    } else if (what == "certificate is no PEM") {
        std::ofstream(files.certificate()) << "hello";
    } else if (what == "key is no PEM") {
        std::ofstream(files.key()) << "hello";
    } else if (what == "chain with a broken second") {
        std::ofstream(files.certificate(), std::ios::app)
            << "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    } else if (what == "key of another certificate") {
        std::ofstream(files.key()) << pair.key;
    } else if (what == "key with a passphrase") {
        files.write(make_pem_pair("a", "secret"));
    } else {
        ::chmod(files.key().c_str(), what == "key anyone may read" ? 0644 : 0660);
    }
    const auto loaded = TlsIdentity::load(files.certificate(), files.key());
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().code == row.code);
    CHECK_THAT(loaded.error().text(), Catch::Contains(row.says));
}

TEST_CASE("TLS: a key its group may read is taken, and a chain of several") {
    const PemFiles files("first");
    std::ofstream(files.certificate(), std::ios::app) << make_pem_pair("second").certificate;
    ::chmod(files.key().c_str(), 0640);
    const auto loaded = TlsIdentity::load(files.certificate(), files.key());
    REQUIRE(loaded);
    CHECK_THAT((*loaded)->text(), Catch::Contains("first") && Catch::Contains("until "));
}

TEST_CASE("TLS: requests are answered on one connection, and known as secure") {
    Loop loop;
    TlsTestServer tls(loop);
    TlsPeer peer(loop, tls.server.endpoint());
    REQUIRE(peer.shaken());
    CHECK(peer.protocol() == "http/1.1");
    CHECK(peer.subject() == "lane.test");
    for (const std::string path : {"/one", "/two"}) {
        peer.send(get_request(path));
        const auto exchange = tls.server.next();
        CHECK(exchange->request().path == path);
        CHECK(exchange->request().secure);
        CHECK(exchange->request().peer.starts_with("127.0.0.1:"));
        REQUIRE(loop.get(exchange->respond({.status = 200, .body = "answer"})));
        CHECK(peer.take_until("answer").starts_with("HTTP/1.1 200 OK\r\n"));
    }
    CHECK(tls.server.server->connections() == 1);
}

TEST_CASE("TLS: what a client offers beyond ours is not used; offering only that is refused") {
    Loop loop;
    TlsTestServer tls(loop);
    struct Row {
        std::string alpn;
        bool shaken;
        std::string protocol;
    };
    const std::vector<Row> rows{
        {"\x02h2\x08http/1.1", true, "http/1.1"}, {"", true, ""}, {"\x02h2", false, ""}
    };
    for (const auto& row : rows) {
        TlsPeer peer(loop, tls.server.endpoint(), {.alpn = row.alpn});
        CHECK(peer.shaken() == row.shaken);
        CHECK(peer.protocol() == row.protocol);
    }
}

TEST_CASE("TLS: 1.2 and 1.3 are spoken, 1.1 is not") {
    Loop loop;
    TlsTestServer tls(loop);
    CHECK(TlsPeer(loop, tls.server.endpoint(), {.newest = TLS1_3_VERSION}).shaken());
    CHECK(TlsPeer(loop, tls.server.endpoint(), {.newest = TLS1_2_VERSION}).shaken());
    CHECK_FALSE(TlsPeer(loop, tls.server.endpoint(), {.newest = TLS1_1_VERSION}).shaken());
}

TEST_CASE("TLS: a body of many records is taken whole, however it is cut") {
    Loop loop;
    TlsTestServer tls(loop);
    TlsPeer peer(loop, tls.server.endpoint());
    const std::string body(1U << 20U, 'b');
    peer.send(
        fmt::format("POST /big HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.size())
    );
    peer.send(body);
    CHECK((tls.server.next()->request().body == body));
    TlsPeer dripping(loop, tls.server.endpoint());
    for (const char c : get_request("/drip")) {
        dripping.send(std::string_view(&c, 1));
    }
    CHECK(tls.server.next()->request().path == "/drip");
}

TEST_CASE("TLS: a stream's pieces arrive as they are sent and end with the last chunk") {
    Loop loop;
    TlsTestServer tls(loop);
    TlsPeer peer(loop, tls.server.endpoint());
    peer.send(get_request());
    const auto stream = begin(loop, tls.server);
    (void)peer.take_until("\r\n\r\n");
    const std::array pieces{slice("data: "), slice("one"), slice("\n\n")};
    CHECK(stream->send(pieces) == State::open);
    CHECK(peer.take_until("\n\n\r\n") == "b\r\ndata: one\n\n\r\n");
    CHECK(stream->bytes_sent() == 11);
    stream->finish();
    CHECK(peer.take_until("0\r\n\r\n") == "0\r\n\r\n");
    peer.send(get_request("/next"));
    CHECK(tls.server.next()->request().path == "/next");
}

TEST_CASE("TLS: a slow reader blocks the stream, then gets every byte") {
    Loop loop;
    TlsTestServer tls(loop);
    TlsPeer peer(loop, tls.server.endpoint(), {.receive_buffer = k_small_buffer});
    peer.send(get_request());
    const auto stream = begin(loop, tls.server);
    (void)peer.take_until("\r\n\r\n");
    peer.pause_reading();
    int writable = 0;
    stream->on_writable([&] { ++writable; });
    std::string sent;
    for (int round = 0; round < 3; ++round) {
        sent += fill(*stream);
        REQUIRE(stream->state() == State::blocked);
        CHECK(stream->bytes_sent() < sent.size());
        peer.resume_reading();
        loop.until([&] { return writable == round + 1; }, "on_writable");
        CHECK(stream->bytes_sent() == sent.size());
        peer.pause_reading();
    }
    sent += fill(*stream);
    stream->finish(); // on a blocked stream: the rest, then the end
    peer.resume_reading();
    CHECK((without_chunks(peer.take_until("\r\n0\r\n\r\n")) == sent));
}

TEST_CASE("TLS: a peer that leaves is noticed, with a goodbye or without") {
    const bool polite = GENERATE(false, true);
    CAPTURE(polite);
    Loop loop;
    TlsTestServer tls(loop);
    TlsPeer peer(loop, tls.server.endpoint());
    peer.send(get_request());
    const auto stream = begin(loop, tls.server);
    bool gone = false;
    stream->on_gone([&] { gone = true; });
    (void)peer.take_until("\r\n\r\n");
    if (polite) {
        peer.say_goodbye();
    } else {
        peer.close();
    }
    loop.until([&] { return gone; }, "on_gone");
    CHECK(send(*stream, "late") == State::gone);
    CHECK(tls.server.server->connections() == 0);
}

TEST_CASE("TLS: a whole end is said, a cut stream gets no goodbye") {
    Loop loop;
    TlsTestServer tls(loop);
    TlsPeer whole(loop, tls.server.endpoint());
    whole.send("GET / HTTP/1.0\r\n\r\n");
    auto stream = begin(loop, tls.server);
    CHECK(send(*stream, "all of it") == State::open);
    stream->finish();
    CHECK(whole.wait_end());
    CHECK_THAT(whole.received(), Catch::EndsWith("\r\n\r\nall of it"));
    TlsPeer half(loop, tls.server.endpoint());
    half.send("GET / HTTP/1.0\r\n\r\n");
    stream = begin(loop, tls.server);
    CHECK(send(*stream, "half") == State::open);
    (void)half.take_until("half");
    stream->cut();
    CHECK_FALSE(half.wait_end());
}

TEST_CASE("TLS: who never finishes the handshake is let go, and holds nobody up meanwhile") {
    Loop loop;
    TlsTestServer tls(loop, {.handshake_timeout = Millis(100)});
    Peer silent(loop, tls.server.endpoint());
    Peer halfway(loop, tls.server.endpoint());
    halfway.send("\x16\x03\x01\x02"); // the first bytes of a record
    loop.until([&] { return tls.server.server->connections() == 2; }, "both to be counted");
    TlsPeer served(loop, tls.server.endpoint());
    served.send(get_request("/meanwhile"));
    CHECK(tls.server.next()->request().path == "/meanwhile");
    (void)silent.wait_end();
    (void)halfway.wait_end();
    loop.until([&] { return tls.server.server->connections() == 1; }, "both to be let go");
}

TEST_CASE("TLS: plain HTTP on the port is not understood, and not answered in clear") {
    Loop loop;
    TlsTestServer tls(loop);
    Peer plain(loop, tls.server.endpoint());
    plain.send(get_request());
    (void)plain.wait_end();
    CHECK(plain.received().find("HTTP") == std::string::npos);
    CHECK(tls.server.waiting() == 0);
}

TEST_CASE("TLS: a reload gives new connections the new pair; a bad one changes nothing") {
    Loop loop;
    TlsTestServer tls(loop);
    TlsPeer before(loop, tls.server.endpoint());
    tls.files.write(make_pem_pair("renewed.test"));
    REQUIRE(tls.identity->reload());
    TlsPeer after(loop, tls.server.endpoint());
    CHECK(before.subject() == "lane.test");
    CHECK(after.subject() == "renewed.test");
    std::ofstream(tls.files.key()) << make_pem_pair("else").key;
    CHECK_FALSE(tls.identity->reload());
    TlsPeer later(loop, tls.server.endpoint());
    CHECK(later.subject() == "renewed.test");
    for (auto* peer : {&before, &after, &later}) {
        peer->send(get_request("/still"));
        REQUIRE(loop.get(tls.server.next()->respond({.status = 200, .body = "here"})));
        CHECK_FALSE(peer->take_until("here").empty());
    }
}

TEST_CASE("TLS: stopping lets go of handshakes and idle connections, running answers end") {
    Loop loop;
    TlsTestServer tls(loop, {.last_request_timeout = Millis(50)});
    Peer shaking(loop, tls.server.endpoint());
    TlsPeer idle(loop, tls.server.endpoint());
    TlsPeer busy(loop, tls.server.endpoint());
    busy.send(get_request());
    const auto exchange = tls.server.next();
    tls.server.server->stop_accepting();
    CHECK(idle.wait_end());
    (void)shaking.wait_end();
    REQUIRE(loop.get(exchange->respond({.status = 200, .body = "last"})));
    CHECK(busy.wait_end());
    CHECK_THAT(busy.received(), Catch::EndsWith("last"));
}

TEST_CASE("TLS: a file that no request can use is named before the first one") {
    const PemFiles files;
    const test::TempFolder folder;
    const std::string pipe = folder.file("pipe");
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    struct Row {
        const char* what;
        const char* url;
        TlsFiles files;
        std::string_view says; ///< empty: they can be used
    };
    const std::array rows{
        Row{"none", "https://a", {}, ""},
        Row{"all", "https://a", {files.certificate(), files.certificate(), files.key()}, ""},
        Row{"an authority that is not there", "https://a", {.ca = "/none"}, "cannot read: No such"},
        Row{"in capitals", "HTTPS://a", {.ca = "/none"}, "cannot read: No such"},
        Row{"one that nobody asks for", "http://a", {.ca = "/none"}, ""},
        Row{"a folder", "https://a", {.ca = "/"}, "cannot read: Is a directory"},
        Row{"a key as authority",
            "https://a",
            {.ca = files.key()},
            "there is no certificate (PEM) in it"},
        Row{"a key as certificate",
            "https://a",
            {.certificate = files.key()},
            "there is no certificate (PEM) in it"},
        Row{"a certificate as key",
            "https://a",
            {.key = files.certificate()},
            "there is no private key (PEM) in it"},
        Row{"a pipe, which is read once", "https://a", {.ca = pipe}, ""},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        const auto checked = check_tls_files(row.url, row.files);
        CHECK(checked.has_value() == row.says.empty());
        if (!checked) {
            CHECK(checked.error().code == Code::unreadable);
            CHECK_THAT(checked.error().message, Catch::StartsWith(std::string(row.says)));
            CHECK(row.files.ca + row.files.certificate + row.files.key == checked.error().where);
        }
    }
}
