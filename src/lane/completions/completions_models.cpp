// GET /v1/models and /v1/models/{model}: the one model this lane answers as.
#include "oa_stream/base/text.hpp"

#include "completions_errors.hpp"
#include "completions_route.hpp"

namespace oa_stream::lane {

Task<void> Lane::Native::models(Lane* lane, CallPtr call) {
    if (auto owner = lane->check_owner(*call); !owner) {
        return lane->refuse(std::move(call), std::move(owner).error());
    }
    const auto& name = lane->config_.model;
    Json model{
        {"id", name}, {"object", "model"}, {"created", lane->created_}, {"owned_by", "oa-stream"}
    };
    const auto& id = call->match.id;
    if (!id) {
        Json list = Json::object({{"object", "list"}});
        list["data"] = Json::array({std::move(model)});
        return lane->answer(std::move(call), json_response(200, list));
    }
    const auto asked = percent_decode(*id);
    if (asked != name) {
        auto rejection = reject_model(asked.value_or(*id));
        return lane->refuse(std::move(call), std::move(rejection));
    }
    return lane->answer(std::move(call), json_response(200, model));
}

} // namespace oa_stream::lane
