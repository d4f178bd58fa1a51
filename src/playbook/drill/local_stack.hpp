// Two lanes and a front door as real processes of this binary, for the local rehearsal. Private to
// the room.
#pragma once

#include "oa_stream/base/child.hpp"
#include "oa_stream/playbook/fault.hpp"
#include "oa_stream/playbook/local_rehearsal.hpp"
#include "oa_stream/run/run_folder.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace oa_stream::playbook {

struct LocalStackOptions {
    std::string program; ///< path of this binary
    std::string stable;  ///< revision names
    std::string canary;
    std::string replay{}; ///< folder of transcripts; empty: the built-in ones
    SharedStore shared{};
    Millis ready_limit{20000};
};

/// Everything listens on loopback ports that the kernel picks. The destructor kills and reaps the
/// remaining processes and removes the scratch folder; stop() ends them gracefully first.
class LocalStack {
public:
    /// Starts all processes and waits until each has reported its address. `folder` must outlive
    /// the stack.
    [[nodiscard]] static Task<Result<std::unique_ptr<LocalStack>>>
    start(LocalStackOptions options, run::RunFolder* folder);
    ~LocalStack();
    LocalStack(const LocalStack&) = delete;
    LocalStack& operator=(const LocalStack&) = delete;

    [[nodiscard]] const std::string& front_url() const noexcept { return front_url_; }
    [[nodiscard]] std::string admin_socket() const;
    /// Each lane's own address: those of stable, then those of canary.
    [[nodiscard]] const std::vector<std::string>& lane_urls() const noexcept { return lane_urls_; }
    /// Plants a fault in the canary, for the turns that begin from now on.
    [[nodiscard]] Task<Result<void>> plant(Fault fault);
    [[nodiscard]] Task<void> stop();

private:
    struct Process;
    LocalStack(LocalStackOptions options, run::RunFolder* folder, std::filesystem::path scratch);

    [[nodiscard]] Task<Result<std::string>>
    launch(std::string name, std::vector<std::string> args, std::string revision = {});
    [[nodiscard]] std::vector<std::string>
    lane_args(const std::string& revision, const std::string& name) const;
    [[nodiscard]] Task<Result<void>> launch_lanes(std::string revision);
    [[nodiscard]] Task<Result<void>> launch_all();
    void remove_scratch();

    LocalStackOptions options_;
    run::RunFolder* folder_;
    std::filesystem::path scratch_;
    std::string faults_; ///< content of the canary's faults file
    std::string front_url_;
    std::vector<std::string> lane_urls_;
    std::vector<std::string> front_args_;
    std::vector<std::shared_ptr<Process>> processes_;
};

} // namespace oa_stream::playbook
