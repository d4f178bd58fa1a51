// Stands between a driver and a unix socket, and breaks what passes.
#pragma once

#include "conformance.hpp"

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::traffic::testing {

class FaultRelay {
public:
    using IsWrite = std::function<bool(std::string_view request)>;

    FaultRelay(asio::io_context& io, std::string listen, std::string forward, IsWrite is_write);
    ~FaultRelay();
    FaultRelay(const FaultRelay&) = delete;
    FaultRelay& operator=(const FaultRelay&) = delete;

    void trouble(Trouble trouble);
    void forward_to(std::string path);
    [[nodiscard]] std::size_t writes() const;
    [[nodiscard]] const std::string& path() const;
    /// All that was asked, in order.
    [[nodiscard]] const std::vector<std::string>& requests() const;

private:
    struct State;
    struct Relaying;
    std::shared_ptr<State> state_;
};

} // namespace oa_stream::traffic::testing
