// The process groups of our children, for who leaves without destructors.
#pragma once

#include <sys/types.h>

namespace oa_stream {

/// Child's own: from its start until it was reaped. Every thread may call these.
void remember_child_group(pid_t group);
void forget_child_group(pid_t group);

} // namespace oa_stream
