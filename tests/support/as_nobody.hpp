// What an account may do that owns nothing here.
#pragma once

#include <catch2/catch.hpp>

#include <unistd.h>

namespace oa_stream::test {

/// As root, who may read everything, the process is nobody while this lives.
class AsNobody {
public:
    AsNobody() { REQUIRE((me_ != 0 || ::seteuid(k_nobody) == 0)); }
    AsNobody(const AsNobody&) = delete;
    AsNobody& operator=(const AsNobody&) = delete;
    ~AsNobody() { (void)!::seteuid(me_); }

private:
    static constexpr uid_t k_nobody = 65534;
    uid_t me_ = ::geteuid();
};

} // namespace oa_stream::test
