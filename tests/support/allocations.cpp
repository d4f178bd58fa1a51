#include "allocations.hpp"

#include <cstdlib>
#include <new>
#include <utility>

namespace {

thread_local std::uint64_t allocated = 0;
thread_local std::uint64_t until_failure = 0; ///< 0: none is to fail
thread_local bool failed = false;

/// False: it is to fail.
[[maybe_unused]] bool counted() noexcept {
    ++allocated;
    const bool fails = until_failure > 0 && --until_failure == 0;
    failed = failed || fails;
    return !fails;
}

} // namespace

// ThreadSanitizer brings these itself and shares them with nobody: nothing is counted there.
#if !__has_feature(thread_sanitizer)
// NOLINTBEGIN(misc-new-delete-overloads): the whole binary's, to count them
void* operator new(std::size_t size) {
    if (void* memory = counted() ? std::malloc(size == 0 ? 1 : size) : nullptr) {
        return memory;
    }
    throw std::bad_alloc();
}

// The one that std::stable_sort asks for its buffer; it must match our delete, too.
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
    return counted() ? std::malloc(size == 0 ? 1 : size) : nullptr;
}

void operator delete(void* memory) noexcept {
    std::free(memory);
}

void operator delete(void* memory, std::size_t /*size*/) noexcept {
    std::free(memory);
}
// NOLINTEND(misc-new-delete-overloads)
#endif

std::uint64_t oa_stream::testing::allocations() noexcept {
    return allocated;
}

void oa_stream::testing::fail_allocation(std::uint64_t nth) noexcept {
    until_failure = nth;
    failed = false;
}

bool oa_stream::testing::stop_failing() noexcept {
    until_failure = 0;
    return std::exchange(failed, false);
}
