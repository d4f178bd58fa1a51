#include "oa_stream/authority/authority.hpp"

namespace oa_stream::authority {

turn::FailureCode failure_code_of(const Error& error) noexcept {
    switch (error.code) {
    case Code::unavailable:
        return turn::FailureCode::authority_lost;
    case Code::timeout:
        if (error.where == "idle") {
            return turn::FailureCode::stalled;
        }
        return error.where == "turn" ? turn::FailureCode::turn_aborted
                                     : turn::FailureCode::authority_timeout;
    case Code::too_large:
        return turn::FailureCode::overloaded;
    default:
        return turn::FailureCode::codex_error;
    }
}

Task<Result<std::vector<ThreadInfo>>> Authority::threads(std::vector<std::string> /*ids*/) {
    co_return fail(Code::precondition, "this authority lists no threads");
}

Task<Result<std::string>> Authority::make_thread(std::string /*owner*/) {
    co_return fail(Code::precondition, "this authority makes no empty threads");
}

Task<Result<void>> Authority::name_thread(std::string /*thread*/, std::string /*title*/) {
    co_return fail(Code::precondition, "this authority names no threads");
}

} // namespace oa_stream::authority
