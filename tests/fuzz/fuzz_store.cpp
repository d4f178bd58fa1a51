// Replies of the store, however their bytes are cut, and what is made of one.
#include "oa_stream/store/store.hpp"

#include "resp.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::store;

namespace {

void tell(const Reply& reply, std::string& out) {
    out += std::to_string(static_cast<int>(reply.kind)) + reply.str() + reply.at(0) + '/';
    out += std::to_string(reply.count());
    for (const auto& item : reply.items) {
        tell(item, out);
    }
}

/// Everything that can be read, and whether it ended in an error; `step` bytes at a time.
std::string read_all(std::string_view bytes, std::size_t step) {
    ReplyReader reader;
    std::string out;
    while (true) {
        auto reply = reader.next();
        if (!reply) {
            return out + "!";
        }
        if (*reply) {
            tell(**reply, out);
            continue;
        }
        if (bytes.empty()) {
            return out;
        }
        reader.feed(bytes.substr(0, step));
        bytes.remove_prefix(std::min(step, bytes.size()));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (read_all(bytes, 1) != read_all(bytes, bytes.size() + 1)) {
        std::abort();
    }
    const auto key = thread_of(bytes);
    static_cast<void>(key);
    return 0;
}
