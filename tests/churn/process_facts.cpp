#include "process_facts.hpp"

#include <fmt/format.h>

#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace oa_stream::churn {

ProcessFacts facts_of(int pid) {
    ProcessFacts facts;
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    for (std::string word; status >> word;) {
        if (word == "VmRSS:") {
            status >> facts.resident_kib;
        }
    }
    std::error_code none;
    for (const auto& entry :
         std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid), none)) {
        static_cast<void>(entry);
        ++facts.descriptors;
    }
    return facts;
}

void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

} // namespace oa_stream::churn
