#include "faulty_encoder.hpp"

#include "oa_stream/wire/sse.hpp"

#include <utility>

namespace oa_stream::lane {
namespace {

/// Cuts a frame in the middle of its JSON and leaves the framing intact. A faulty frame directly
/// after a faulty one is left out entirely: the answer stops there, as after a lost connection.
class FaultyEncoder final : public encode::TurnEncoder {
public:
    FaultyEncoder(std::unique_ptr<encode::TurnEncoder> inner, authority::WireFaults& faults)
        : inner_(std::move(inner)), faults_(&faults) {}

    void begin(std::string& out) override {
        const auto from = out.size();
        inner_->begin(out);
        damage(out, from);
    }
    [[nodiscard]] Result<void> encode(const turn::Event& event, std::string& out) override {
        const auto from = out.size();
        auto done = inner_->encode(event, out);
        damage(out, from);
        return done;
    }
    void fail_open(const turn::Failure& failure, std::string& out) override {
        const auto from = out.size();
        inner_->fail_open(failure, out);
        damage(out, from);
    }
    [[nodiscard]] Result<std::optional<Break>> pause(std::string& out) override {
        return inner_->pause(out);
    }
    [[nodiscard]] bool satisfied() const noexcept override { return inner_->satisfied(); }
    [[nodiscard]] bool ended() const noexcept override { return inner_->ended(); }
    [[nodiscard]] const encode::TurnSummary& summary() const noexcept override {
        return inner_->summary();
    }

private:
    void damage(std::string& out, std::size_t from) {
        while (from < out.size()) {
            const auto end = out.find(wire::k_sse_end, from);
            if (end == std::string::npos) {
                return;
            }
            auto next = end + wire::k_sse_end.size();
            const bool corrupt = faults_->corrupt_next();
            if (corrupt && corrupted_) {
                out.erase(from, next - from);
                next = from;
            } else if (corrupt) {
                const auto half = (end - from) / 2;
                out.erase(from + half, end - from - half);
                next -= end - from - half;
            }
            corrupted_ = corrupt;
            from = next;
        }
    }

    std::unique_ptr<encode::TurnEncoder> inner_;
    authority::WireFaults* faults_;
    bool corrupted_ = false; ///< the previous frame was
};

} // namespace

std::unique_ptr<encode::TurnEncoder>
with_faults(std::unique_ptr<encode::TurnEncoder> inner, authority::WireFaults* faults) {
    if (faults == nullptr) {
        return inner;
    }
    return std::make_unique<FaultyEncoder>(std::move(inner), *faults);
}

} // namespace oa_stream::lane
