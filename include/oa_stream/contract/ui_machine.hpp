// The state machine of a legal UI message stream. Pure: no I/O, no clock. The writer can only emit
// what it allows; the verifier judges other servers with the same class.
#pragma once

#include "oa_stream/contract/rules.hpp"
#include "oa_stream/wire/ui_chunk.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::contract {

struct Violation {
    const Rule* rule = nullptr;
    std::uint64_t frame = 0;  ///< 0-based; k_at_end when found at the stream's end
    std::uint64_t offset = 0; ///< byte in the body
    std::string message;
};
inline constexpr std::uint64_t k_at_end = ~std::uint64_t{0};
/// The frame of a violation found in the response head; its offset means nothing.
inline constexpr std::uint64_t k_in_head = k_at_end - 1;

/// A tool call of the assistant message that the answer continues (T1). It may already have an
/// output: a page puts its own result into the message that it sends, and the answer repeats it.
struct EarlierCall {
    std::string call, name;
    bool dynamic = false;
    bool input_streaming = false;
    bool asked = false; ///< an approval was requested for it
    bool has_output = false;
};
/// The effect of the request's messages on the answer. Empty: the last message is the user's.
struct Continues {
    std::string message_id;
    std::vector<EarlierCall> calls{};
};

class UiMachine {
public:
    using Report = std::function<void(std::string_view rule, std::string message)>;
    explicit UiMachine(
        std::optional<Continues> continues = {},
        wire::ui::Dialect dialect = wire::ui::Dialect::every_client
    );
    ~UiMachine();
    UiMachine(const UiMachine&) = delete;
    UiMachine& operator=(const UiMachine&) = delete;
    UiMachine(UiMachine&&) noexcept;
    UiMachine& operator=(UiMachine&&) noexcept;

    /// False: the request's messages are unknown, so a chunk may refer to a call in them. Call it
    /// before step().
    void messages_known(bool known) noexcept;
    /// True when a chunk would break the rule unless those messages contain its call.
    [[nodiscard]] bool undecided(std::string_view rule) const noexcept;

    /// Processes the next chunk, reports every rule it breaks, and continues.
    void step(const wire::ui::Chunk& chunk, const Report& report);
    /// The next event is not a chunk that any client could read (J1, J2, W2).
    void unreadable(const Report& report);
    /// The next line is a comment; it matters only after [DONE] (O7).
    void comment(const Report& report);
    /// The stream has ended.
    void finish(const Report& report);

    [[nodiscard]] bool started() const noexcept;
    [[nodiscard]] bool done() const noexcept; ///< [DONE] seen
    [[nodiscard]] bool terminal() const noexcept; ///< finish, error or abort seen

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace oa_stream::contract
