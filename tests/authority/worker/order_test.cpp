// Whatever order, repetition and loss on the way: with a whole log behind it a turn is told once.
#include "worker/events/sequencer.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>
#include <random>

using namespace oa_stream;
using namespace oa_stream::authority;

namespace {

WorkerEvent event(std::uint64_t seq, std::uint64_t watermark = 0) {
    WorkerEvent out;
    out.seq = seq;
    out.watermark = watermark == 0 ? seq : watermark;
    out.bytes = 100;
    return out;
}

struct Line {
    Sequencer sequence{};
    std::vector<WorkerEvent> transcript{};
    Clock::time_point now{};

    explicit Line(std::uint64_t next) { sequence.begin(next); }
    void push(std::uint64_t seq) { sequence.push(event(seq), now, transcript); }
    void fill(const std::vector<std::uint64_t>& seqs, std::uint64_t latest) {
        std::vector<WorkerEvent> log;
        for (const auto seq : seqs) {
            log.push_back(event(seq));
        }
        sequence.fill(std::move(log), latest, now, transcript);
    }
    [[nodiscard]] std::vector<std::uint64_t> seqs() const {
        std::vector<std::uint64_t> out;
        std::ranges::transform(transcript, std::back_inserter(out), &WorkerEvent::seq);
        return out;
    }
};

using Seqs = std::vector<std::uint64_t>;

} // namespace

TEST_CASE("sequencer: neighbours that changed places are told in order") {
    Line line(5);
    line.push(6);
    CHECK(line.transcript.empty());
    CHECK(line.sequence.waiting_since());
    line.push(5);
    CHECK(line.seqs() == Seqs{5, 6});
    CHECK_FALSE(line.sequence.waiting_since());
}

TEST_CASE("sequencer: what comes again is dropped and counted") {
    Line line(1);
    line.push(1);
    line.push(1);
    line.push(3);
    line.push(3);
    line.push(2);
    line.push(3);
    CHECK(line.seqs() == Seqs{1, 2, 3});
    CHECK(line.sequence.counts().duplicates == 3);
}

TEST_CASE("sequencer: the log fills a hole; what neither has does not exist") {
    Line line(1);
    line.push(1);
    line.push(5);
    line.fill({2, 4}, 5);
    CHECK(line.seqs() == Seqs{1, 2, 4, 5});
    CHECK(line.sequence.next() == 6);
    CHECK(line.sequence.counts().found_in_log == 2);
    CHECK(line.sequence.counts().found_nowhere == 1);
}

TEST_CASE("sequencer: an event newer than the log does not make its predecessors vanish") {
    Line line(1);
    line.push(4); // 3 is on its way; the log was read before both
    line.fill({1, 2}, 2);
    CHECK(line.seqs() == Seqs{1, 2});
    line.push(3);
    CHECK(line.seqs() == Seqs{1, 2, 3, 4});
}

TEST_CASE("sequencer: a payload that is missing must be read from the log") {
    Line line(1);
    auto hole = event(1);
    hole.missing = true;
    line.sequence.push(std::move(hole), line.now, line.transcript);
    CHECK(line.transcript.empty());
    CHECK(line.sequence.needs_log());
    line.fill({1}, 1);
    CHECK(line.seqs() == Seqs{1});
    CHECK_FALSE(line.sequence.needs_log());
}

TEST_CASE("sequencer: what is held is bounded; the log has the rest") {
    Line line(1);
    for (std::uint64_t seq = 2; seq < 2'100; ++seq) {
        line.push(seq);
    }
    CHECK(line.sequence.needs_log());
    Seqs all(2'099);
    std::iota(all.begin(), all.end(), 1U);
    line.fill(all, 2'099);
    CHECK(line.seqs() == all);
}

TEST_CASE("sequencer: events without a number are told by watermark, once") {
    Line line(7);
    line.sequence.push(event(0, 10), line.now, line.transcript);
    line.sequence.push(event(0, 10), line.now, line.transcript);
    line.sequence.push(event(0, 11), line.now, line.transcript);
    CHECK(line.transcript.size() == 2);
}

TEST_CASE("sequencer: numbers of the topic that began again are told again") {
    Line line(7);
    line.sequence.push(event(0, 900), line.now, line.transcript);
    line.sequence.forget_watermarks();
    line.sequence.push(event(0, 3), line.now, line.transcript);
    CHECK(line.transcript.size() == 2);
}

TEST_CASE("sequencer: without a log and with nothing held, the next number seen is the next one") {
    Line line(4);
    auto hole = event(4);
    hole.missing = true;
    line.sequence.push(std::move(hole), line.now, line.transcript);
    line.sequence.skip(line.transcript);
    line.push(9); // the first event of the next turn
    line.push(10);
    CHECK(line.seqs() == Seqs{9, 10});
    CHECK_FALSE(line.sequence.waiting_since());
    CHECK(line.sequence.counts().found_nowhere == 5);
    line.push(12);
    CHECK(line.sequence.waiting_since());
}

TEST_CASE("sequencer: any order, repetition and loss gives the same events with a whole log") {
    std::mt19937 random(20261121);
    for (int round = 0; round < 500; ++round) {
        Seqs all(60);
        std::iota(all.begin(), all.end(), 1U);
        Seqs sent;
        for (const auto seq : all) {
            const auto copies = random() % 4; // 0: lost
            sent.insert(sent.end(), copies, seq);
        }
        const auto window = 1 + random() % 12;
        for (std::size_t at = 0; at < sent.size(); at += window) {
            const auto end = std::min(sent.size(), at + window);
            std::shuffle(
                sent.begin() + static_cast<std::ptrdiff_t>(at),
                sent.begin() + static_cast<std::ptrdiff_t>(end),
                random
            );
        }
        Line line(1);
        for (std::size_t i = 0; i < sent.size(); ++i) {
            line.push(sent[i]);
            if (random() % 20 == 0) { // a resync: the log as far as it was written by now
                const auto written = *std::max_element(
                    sent.begin(), sent.begin() + static_cast<std::ptrdiff_t>(i) + 1
                );
                line.fill(
                    Seqs(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(written)), written
                );
            }
        }
        line.fill(all, all.back());
        REQUIRE(line.seqs() == all);
    }
}
