// Answers of the worker control API: receipts, snapshots, event logs, command events.
#include "oa_stream/base/json_bounds.hpp"

#include "worker/control/control_answers.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace oa_stream;
using namespace oa_stream::authority;

namespace {

void read_as_receipt(const Json& body) {
    if (const auto response = read_receipt(body)) {
        static_cast<void>(thread_of(*response));
        static_cast<void>(turn_of(*response));
        static_cast<void>(text_of_response(*response, "cwd"));
    } else if (response.error().message.size() > 100) {
        std::abort(); // the worker's words are not ours to tell
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (const auto seconds = retry_seconds(bytes); seconds && *seconds <= 0) {
        std::abort();
    }
    auto body = parse_any_json(bytes);
    if (!body) {
        return 0;
    }
    read_as_receipt(*body);
    static_cast<void>(read_command_event(*body));
    static_cast<void>(read_snapshot(*body).trouble());
    if (compat_text(*body).size() > 1000) {
        std::abort();
    }
    for (const WorkerEvent& event : read_log(*std::move(body)).events) {
        if (event.seq == 0 || (!event.method.empty() && !event.params()->is_object())) {
            std::abort();
        }
    }
    return 0;
}
