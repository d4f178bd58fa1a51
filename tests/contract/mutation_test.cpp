#include "legal_stream.hpp"
#include "support.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace oa_stream::contract;

namespace {

constexpr int k_streams = 150;

std::string written(const Stream& stream) {
    std::string out;
    for (const auto& chunk : stream) {
        oa_stream::wire::ui::append_frame(out, chunk);
    }
    return out;
}

/// Judges mutations; counts those that are legal, by reason.
class Tally {
public:
    void expect(const Stream& mutated, std::string_view legal) {
        const Judgement judgement = judge_bytes(written(mutated));
        const bool clean = judgement.pass() && judgement.warnings.empty();
        ++(legal.empty() ? caught_ : skipped_[legal]);
        if (clean != !legal.empty()) {
            CAPTURE(legal, listed(judgement), written(mutated));
            CHECK(clean == !legal.empty());
        }
    }
    [[nodiscard]] std::size_t caught() const { return caught_; }
    [[nodiscard]] const std::map<std::string_view, std::size_t>& skipped() const {
        return skipped_;
    }

private:
    std::size_t caught_ = 0;
    std::map<std::string_view, std::size_t> skipped_{};
};

std::mt19937 repeatable() {
    return std::mt19937(7); // NOLINT(bugprone-random-generator-seed): must repeat
}

} // namespace

TEST_CASE("property: a random legal stream breaks no rule, at random cuts") {
    std::mt19937 random = repeatable();
    for (int i = 0; i < k_streams; ++i) {
        const std::string bytes = written(random_legal_stream(random));
        CAPTURE(bytes);
        CHECK(listed(judge_in_pieces(bytes, Profile::ai_sdk, random)).empty());
    }
}

TEST_CASE("mutation: a dropped chunk is caught, unless what is left is legal") {
    std::mt19937 random = repeatable();
    Tally tally;
    for (int i = 0; i < k_streams; ++i) {
        const Stream stream = random_legal_stream(random);
        for (std::size_t at = 0; at < stream.size(); ++at) {
            Stream mutated = stream;
            mutated.erase(mutated.begin() + static_cast<std::ptrdiff_t>(at));
            tally.expect(mutated, legal_to_drop(stream, at));
        }
    }
    CHECK(tally.caught() > 1000);
    CHECK(tally.skipped().size() == 8); // every reason was met
}

TEST_CASE("mutation: a repeated chunk is caught wherever it is put, unless that is legal") {
    std::mt19937 random = repeatable();
    Tally tally;
    for (int i = 0; i < k_streams / 5; ++i) { // every copy to every place: many of each stream
        const Stream stream = random_legal_stream(random);
        for (std::size_t from = 0; from < stream.size(); ++from) {
            for (std::size_t to = 0; to <= stream.size(); ++to) {
                Stream mutated = stream;
                mutated.insert(mutated.begin() + static_cast<std::ptrdiff_t>(to), stream[from]);
                tally.expect(mutated, legal_to_copy(stream, from, to));
            }
        }
    }
    CHECK(tally.caught() > 5000);
    CHECK(tally.skipped().size() == 3);
}

TEST_CASE("mutation: two neighbours that change places are caught, unless that is legal") {
    std::mt19937 random = repeatable();
    Tally tally;
    for (int i = 0; i < k_streams; ++i) {
        const Stream stream = random_legal_stream(random);
        for (std::size_t at = 0; at + 1 < stream.size(); ++at) {
            Stream mutated = stream;
            std::swap(mutated[at], mutated[at + 1]);
            tally.expect(mutated, legal_to_swap(stream, at));
        }
    }
    CHECK(tally.caught() > 700);
    CHECK(tally.skipped().size() == 5);
}
