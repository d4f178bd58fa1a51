// What a test spends, whatever other processes of a busy machine do meanwhile.
#pragma once

#include <ctime>

namespace oa_stream::test {

/// Of this thread alone.
inline double thread_cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

} // namespace oa_stream::test
