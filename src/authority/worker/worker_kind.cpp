#include "oa_stream/authority/kind.hpp"

namespace oa_stream::authority {
namespace {

Result<void> check_worker(const AuthorityOptions& options) {
    return check_worker_options(options.worker);
}

std::string worker_model(const AuthorityOptions& options) {
    return options.worker.model.empty() ? "worker" : options.worker.model;
}

Result<std::unique_ptr<Authority>>
make_worker(const asio::any_io_executor& executor, const AuthorityOptions& options) {
    return make_worker_authority(executor, options.worker);
}

} // namespace

extern constinit const AuthorityKind k_worker{
    .name = "worker",
    .provider = "worker",
    .costs = true,
    .keeps_threads = true,
    .check = check_worker,
    .model = worker_model,
    .make = make_worker,
};

} // namespace oa_stream::authority
