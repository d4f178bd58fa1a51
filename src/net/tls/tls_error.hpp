// OpenSSL's error messages.
#pragma once

#include <string>

namespace oa_stream::net {

/// The oldest error of this thread's queue in a few words; the queue is empty afterwards.
[[nodiscard]] std::string tls_error();

} // namespace oa_stream::net
