// Limits of this process.
#pragma once

namespace oa_stream {

/// As many descriptors as the hard limit allows: the usual soft limit of 1024 is less than a lane's
/// streams or a load's requests need.
void raise_descriptor_limit() noexcept;

} // namespace oa_stream
