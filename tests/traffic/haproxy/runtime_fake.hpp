// A stats socket that says what a test wants it to say.
#pragma once

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <string>

namespace oa_stream::traffic::testing {

class RuntimeFake {
public:
    using Answer = std::function<std::string(const std::string& line)>;
    /// `path` empty: TCP on a free port of the loopback.
    RuntimeFake(boost::asio::io_context& io, std::string path, Answer answer);
    ~RuntimeFake();
    RuntimeFake(const RuntimeFake&) = delete;
    RuntimeFake& operator=(const RuntimeFake&) = delete;

    [[nodiscard]] std::string address() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace oa_stream::traffic::testing
