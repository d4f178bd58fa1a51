#include "allocations.hpp"

#include <cstdlib>
#include <new>

namespace {

thread_local std::uint64_t count = 0;

} // namespace

// ThreadSanitizer brings these itself and shares them with nobody: nothing is counted there.
#if !__has_feature(thread_sanitizer)
// NOLINTBEGIN(misc-new-delete-overloads): the whole binary's, to count them
void* operator new(std::size_t size) {
    ++count;
    if (void* memory = std::malloc(size == 0 ? 1 : size)) {
        return memory;
    }
    throw std::bad_alloc();
}

// The one that std::stable_sort asks for its buffer; it must match our delete, too.
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
    ++count;
    return std::malloc(size == 0 ? 1 : size);
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
    return count;
}
