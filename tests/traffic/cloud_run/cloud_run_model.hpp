// A Cloud Run service as the Admin API v2 shows it, without HTTP: strict in what it takes, honest
// in what it does, and telling on whoever writes carelessly.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/base/task.hpp"

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::traffic::testing {

struct ApiAnswer {
    int status = 200;
    Json body = Json::object();
};

/// What becomes of one accepted write.
enum class Fate {
    good,
    fails,   ///< the operation ends with an error, the old shares go on serving
    stuck,   ///< it never ends
    partial, ///< it ends well, but only half of each share serves
};

struct FakePlace {
    std::string project = "demo-project";
    std::string region = "europe-west1";
    std::string service = "lane";
};

class CloudRunModel {
public:
    using Place = FakePlace;

    explicit CloudRunModel(Place place = {});

    // What a test arranges ---------------------------------------------------------------------
    std::map<std::string, bool> revisions; ///< name → ready; the last one is the newest
    std::map<std::string, std::string> tag_uris; ///< tag → where it is reached
    std::string latest_ready; ///< what "latest" means
    Millis latency{0}; ///< from a write to the end of its operation
    bool held = false; ///< operations wait
    std::deque<Fate> fates{}; ///< of the next writes; good when empty
    int failure_code = 9; ///< of gRPC, for Fate::fails
    std::string failure = "Revision 'canary' is not ready and cannot serve traffic.";

    /// Another operator, at once.
    void operator_sets(Json traffic);
    void operator_splits(int canary_percent);
    /// Somebody's deployment: the traffic stays, and the platform never observes the generation.
    void deployment_fails(std::string why);

    // The API ----------------------------------------------------------------------------------
    /// `path` below /v2/, `query` as sent.
    [[nodiscard]] ApiAnswer get(std::string_view path);
    [[nodiscard]] ApiAnswer
    patch(std::string_view path, std::string_view query, std::string_view body);

    // What a test looks at ---------------------------------------------------------------------
    [[nodiscard]] Json traffic(); ///< what is wanted, in the API's words
    [[nodiscard]] std::map<std::string, int> serving();
    [[nodiscard]] bool reconciling();
    [[nodiscard]] int applied() const noexcept { return applied_; } ///< writes taken
    /// What a careful client never does.
    [[nodiscard]] const std::vector<std::string>& violations() const noexcept {
        return violations_;
    }
    void violate(std::string what) { violations_.push_back(std::move(what)); }
    [[nodiscard]] std::string service_path() const;
    [[nodiscard]] const std::string& template_mark() const noexcept { return template_mark_; }

private:
    struct Operation {
        Clock::time_point due{};
        Fate fate = Fate::good;
        bool done = false;
        Json error = nullptr;
    };

    void advance();
    void finish(Operation& operation);
    void bump();
    [[nodiscard]] std::string below() const;
    [[nodiscard]] Json service_json() const;
    [[nodiscard]] ApiAnswer revision_json(const std::string& name) const;
    [[nodiscard]] Json operation_json(const std::string& id) const;
    [[nodiscard]] Json statuses_of(const Json& traffic) const;
    [[nodiscard]] std::optional<ApiAnswer> refuse_query(std::string_view query, bool& masked);
    [[nodiscard]] std::optional<ApiAnswer> refuse_body(const Json& body) const;
    [[nodiscard]] std::optional<ApiAnswer> refuse_traffic(const Json& traffic) const;
    [[nodiscard]] bool points_to_living(const std::string& tag) const;
    void tell_on(const Json& body, bool masked);

    Place place_;
    Json traffic_;
    Json statuses_;
    std::int64_t generation_ = 1;
    std::int64_t observed_ = 1;
    std::int64_t version_ = 1; ///< behind the etag
    std::string condition_ = "CONDITION_SUCCEEDED";
    std::string trouble_;
    std::string template_mark_ = "original";
    std::map<std::string, Operation> operations_;
    std::string pending_; ///< id of the operation under way
    int applied_ = 0;
    std::vector<std::string> violations_;
};

} // namespace oa_stream::traffic::testing
