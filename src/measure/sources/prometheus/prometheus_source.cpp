#include "oa_stream/measure/prometheus_source.hpp"

#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/url.hpp"
#include "oa_stream/measure/matchers.hpp"

#include "prometheus_reader.hpp"

#include <fmt/format.h>

namespace oa_stream::measure {
namespace {

class PrometheusSource final : public Source {
public:
    PrometheusSource(net::HttpClient& client, PrometheusOptions options)
        : client_(client), options_(std::move(options)) {
        while (options_.url.ends_with('/')) {
            options_.url.pop_back();
        }
    }

    [[nodiscard]] std::string_view name() const noexcept override { return "prometheus"; }

    [[nodiscard]] Task<Result<SourceReading>> read(Question question) override {
        OA_CO_CHECK(check(options_));
        if (!(question.window.seconds() > 0) || question.bad.empty()) {
            co_return fail(Code::usage, "a question needs a window and bad events");
        }
        prometheus::PrometheusReader reader(client_, options_, question);
        co_return co_await reader.run();
    }

private:
    net::HttpClient& client_;
    PrometheusOptions options_;
};

} // namespace

Result<void> check(const PrometheusOptions& options) {
    OA_CHECK(http_url(options.url));
    if (!options.bearer.empty() && !options.user.empty()) {
        return fail(Code::usage, "Prometheus takes a bearer token or a user, not both");
    }
    if (!options.key_file.empty() && options.cert_file.empty()) {
        return fail(Code::usage, "a key needs its certificate", names::key, "add --cert FILE");
    }
    if (!options.revision_label.empty()) {
        OA_CHECK(located(check_revision_label(options.revision_label), names::revision_label));
    }
    OA_CHECK(parse_matchers(options.matchers));
    return {};
}

std::unique_ptr<Source> prometheus_source(net::HttpClient& client, PrometheusOptions options) {
    return std::make_unique<PrometheusSource>(client, std::move(options));
}

} // namespace oa_stream::measure
