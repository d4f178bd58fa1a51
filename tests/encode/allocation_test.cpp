// A token costs no allocation but the growth of the output: every stream's every delta passes here.
#include "completions_support.hpp"
#include "stream_support.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <new>

namespace {

std::size_t allocations = 0; // tests run on one thread

} // namespace

// ThreadSanitizer brings these itself and shares them with nobody: nothing is counted there.
#if !__has_feature(thread_sanitizer)
// NOLINTBEGIN(misc-new-delete-overloads): the whole binary's, to count them
void* operator new(std::size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size == 0 ? 1 : size)) {
        return memory;
    }
    throw std::bad_alloc();
}
// The one that std::stable_sort asks for its buffer; it must match our delete, too.
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
    ++allocations;
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

using namespace oa_stream;
using namespace oa_stream::turn;
using namespace oa_stream::encode::test;

TEST_CASE("ui encoder: a delta allocates nothing but output") {
    encode::UiEncoder encoder(options());
    std::string out;
    out.reserve(1U << 20U);
    REQUIRE(encoder.encode(PartOpened{"m1"}, out));
    const Event delta = PartDelta{"m1", "a text delta that is too long for a small string"};
    REQUIRE(encoder.encode(delta, out)); // the buffer it is copied through grows once
    const std::size_t before = allocations;
    for (int i = 0; i < 1000; ++i) {
        if (!encoder.encode(delta, out)) {
            FAIL("refused");
        }
    }
    CHECK(allocations == before);
}

TEST_CASE("completions: a delta allocates nothing but output") {
    encode::CompletionsStream encoder(identity(), true);
    std::string out;
    out.reserve(1U << 20U);
    REQUIRE(encoder.encode(PartOpened{"m1"}, out));
    const Event delta = PartDelta{"m1", "a text delta that is too long for a small string"};
    REQUIRE(encoder.encode(delta, out)); // the buffer it is copied through grows once
    const std::size_t before = allocations;
    for (int i = 0; i < 1000; ++i) {
        if (!encoder.encode(delta, out)) {
            FAIL("refused");
        }
    }
    CHECK(allocations == before);
}

TEST_CASE("normaliser: a delta in order is moved through") {
    encode::Normaliser normaliser;
    std::vector<Event> out;
    out.reserve(2000);
    normaliser.push(TurnStarted{"t", "u", ""}, out);
    normaliser.push(PartOpened{"m1"}, out);
    normaliser.push(PartDelta{"m1", "x"}, out);
    std::vector<Event> deltas(
        1000, PartDelta{"m1", "a text delta that is too long for a small string"}
    );
    const std::size_t before = allocations;
    for (Event& delta : deltas) {
        normaliser.push(std::move(delta), out);
    }
    CHECK(allocations == before);
    CHECK(out.size() == 1003);
}
