// Answers of Cloud Run's Admin API: whatever the bytes, an error in one line or a service whose
// targets survive being written back.
#include "oa_stream/net/retry_after.hpp"

#include "cloud_run/cloud_run_error.hpp"
#include "cloud_run/cloud_run_service.hpp"

#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

using namespace oa_stream;
using namespace oa_stream::traffic;

namespace {

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

std::multiset<std::string> tags_of(const cloud_run::Entries& entries) {
    std::multiset<std::string> out;
    for (const cloud_run::Entry& entry : entries) {
        out.insert(entry.tag);
    }
    return out;
}

void check_service(const cloud_run::Service& service) {
    require(!service.traffic.empty() && !service.wanted.empty());
    const Json exact = {{"traffic", cloud_run::to_json(service.traffic)}};
    // What is read again is what was written.
    const auto again =
        cloud_run::restored(exact, service.traffic, service.wanted, service.latest_ready);
    require(again.has_value() && Json{{"traffic", cloud_run::to_json(*again)}} == exact);
    const Split all = *Split::of({{"stable", 95}, {"canary", 5}});
    const auto changed = cloud_run::with_split(service.traffic, all);
    require(cloud_run::split_of(changed, service.latest_ready) == all);
    for (const std::string& tag : tags_of(service.traffic)) {
        require(tags_of(changed).contains(tag));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    net::ClientResponse response;
    response.body = text;
    for (const int status : {200, 302, 400, 401, 403, 404, 409, 429, 500, 502, 503, 504}) {
        response.status = status;
        const auto error = cloud_run::error_of(response, true);
        require(error.has_value() == (status != 200));
        require(!error || !error->text().contains('\n'));
    }
    (void)net::retry_after({{"retry-after", std::string(text)}}, {});
    const auto json = parse_json(text);
    if (!json) {
        return 0;
    }
    (void)cloud_run::status_text(*json);
    (void)cloud_run::code_of_status(*json);
    const auto service = cloud_run::parse_service(*json);
    if (service) {
        check_service(*service);
    } else {
        require(!service.error().text().contains('\n'));
    }
    return 0;
}
