#include "completions_request.hpp"

#include "completions_messages.hpp"
#include "completions_params.hpp"
#include "completions_tools.hpp"

namespace oa_stream::lane {

Accepted<CompletionsRequest>
read_completions_request(const Json& body, const CompletionsContext& context) {
    CompletionsRequest request;
    if (!body.is_object()) {
        return reject(400, "invalid_json", "the body must be one JSON object");
    }
    OA_CHECK(check_worker(body, context.worker));
    OA_CHECK(read_params(body, context, request));
    OA_CHECK(read_completions_messages(body, context, request));
    tell_demands(request);
    return request;
}

} // namespace oa_stream::lane
