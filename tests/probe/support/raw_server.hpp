// A server that does exactly what its script says, byte by byte: what no HTTP library would send.
#pragma once

#include "oa_stream/base/task.hpp"

#include "loop_rig.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace oa_stream::probe::test {

using oa_stream::test::LoopRig;

struct Send {
    std::string bytes;
};
struct Wait {
    Millis time;
};
/// Says nothing more until the peer leaves or the server stops.
struct Hang {};
/// Breaks the connection with a reset.
struct Reset {};
/// Sends the bytes once the gate is opened by the test.
struct AfterGate {
    std::string bytes;
};
/// Bytes made when their turn comes; none are sent when they are empty.
struct Later {
    std::function<std::string()> bytes;
};
using Step = std::variant<Send, Wait, Hang, Reset, AfterGate, Later>;
using Script = std::vector<Step>;

struct RawRequest {
    std::string method;
    std::string path;
    std::string head;
    std::string body;
    std::map<std::string, std::string> headers; ///< names in lower case
    [[nodiscard]] std::string header(const std::string& name) const;
};

class RawServer {
public:
    using Handler = std::function<Script(const RawRequest&)>;
    RawServer(const asio::any_io_executor& executor, Handler handler);
    ~RawServer();
    RawServer(const RawServer&) = delete;
    RawServer& operator=(const RawServer&) = delete;

    [[nodiscard]] std::string url() const; ///< "http://127.0.0.1:PORT"
    [[nodiscard]] unsigned short port() const;
    [[nodiscard]] const std::vector<RawRequest>& requests() const;
    void open_gate();
    /// Closes the listening socket only.
    void stop_listening();

private:
    struct State;
    std::shared_ptr<State> state_;
};

/// "HTTP/1.1 <status> …" with the headers of a good stream, chunked; lines of `more` replace those
/// of the same name, "name:" alone removes one.
[[nodiscard]] std::string stream_head(const std::vector<std::string>& more = {});
[[nodiscard]] std::string
json_answer(int status, std::string_view body, std::string_view more = "");
/// One HTTP chunk, and the last one.
[[nodiscard]] std::string chunk(std::string_view bytes);
[[nodiscard]] std::string last_chunk();
/// A stream of that body to its end, without the name of a thread unless `more` says otherwise.
[[nodiscard]] std::string
whole_stream(std::string_view body, const std::vector<std::string>& more = {"x-oa-thread-id:"});

} // namespace oa_stream::probe::test
