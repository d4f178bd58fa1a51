#include "cloud_run_rig.hpp"

namespace oa_stream::traffic::testing {

CloudRunRig::CloudRunRig()
    : fake(io_), client(net::HttpClient::make(io_.get_executor())), endpoint(fake.url()),
      token(net::token_source(io_.get_executor(), *client, "env:TOKEN", Secret("token-1"))) {
}

CloudRunDriverOptions CloudRunRig::options() {
    return {
        .endpoint = endpoint,
        .project = "demo-project",
        .region = "europe-west1",
        .service = "lane",
        .revisions = {"stable", "canary"},
        .token = token,
        .call_timeout = Millis(300),
        .poll = Millis(10),
        .wait_at_most = Millis(1500),
        .backoff = Millis(5),
    };
}

std::unique_ptr<TrafficDriver> CloudRunRig::driver() {
    return make_cloud_run_driver(*client, options());
}

void CloudRunRig::trouble(Trouble trouble) {
    fake.faults.clear();
    fake.tokens = {"token-1"};
    Fault fault{.times = -1};
    switch (trouble) {
    case Trouble::none:
        return;
    case Trouble::gone: // whoever listened there took every connection and threw it away
        fault.end = Fault::End::drop;
        break;
    case Trouble::silent:
        fault.end = Fault::End::hang;
        break;
    case Trouble::garbage:
        fault.status = 200;
        fault.body = "<html>It works!</html>";
        fault.type = "text/html";
        break;
    case Trouble::half_answer:
        fault.end = Fault::End::half;
        break;
    case Trouble::lost_answer:
        fault.on = "patch";
        fault.end = Fault::End::drop;
        fault.apply = true;
        break;
    case Trouble::lost_request:
        fault.on = "patch";
        fault.end = Fault::End::drop;
        break;
    case Trouble::denied:
        fault.on = "patch";
        fault.status = 403;
        fault.body =
            R"({"error":{"code":403,"message":"Permission 'run.services.update' denied on resource 'lane' (or resource may not exist).","status":"PERMISSION_DENIED"}})";
        break;
    }
    fake.faults.push_back(std::move(fault));
}

bool CloudRunRig::odd_setting() {
    // "latest" has the whole share, and means the revision that is called stable.
    fake.model.latest_ready = "stable";
    fake.model.operator_sets(
        {{{"type", "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"},
          {"revision", "canary"},
          {"tag", "green"}},
         {{"type", "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"}, {"percent", 100}, {"tag", "now"}},
         {{"type", "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"},
          {"revision", "stable"},
          {"tag", "blue"}}}
    );
    return true;
}

} // namespace oa_stream::traffic::testing
