#include "child_groups.hpp"

#include "oa_stream/base/child.hpp"

#include <csignal>
#include <mutex>
#include <set>

namespace oa_stream {
namespace {

struct Groups {
    std::mutex mutex;
    std::set<pid_t> alive;
};

Groups& groups() {
    static Groups the_groups;
    return the_groups;
}

} // namespace

void remember_child_group(pid_t group) {
    const std::lock_guard lock(groups().mutex);
    groups().alive.insert(group);
}

void forget_child_group(pid_t group) {
    const std::lock_guard lock(groups().mutex);
    groups().alive.erase(group);
}

void kill_child_groups() {
    const std::lock_guard lock(groups().mutex);
    for (const pid_t group : groups().alive) {
        ::kill(-group, SIGKILL);
    }
}

} // namespace oa_stream
