// Words and commands that are typed into a shell.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace oa_stream {

/// `word` as a POSIX shell takes it for one word: as it is when nothing in it is special, else in
/// single quotes.
[[nodiscard]] std::string shell_word(std::string_view word);

/// The line up to `end`, which counts where no quote is open, as shell_word() writes quotes; `line`
/// goes on behind it. The quotes stay.
[[nodiscard]] std::string_view cut_unquoted(std::string_view& line, std::string_view end);

class Advice;

/// An argument that the reader fills in.
inline constexpr std::string_view k_fill_in = "…";

/// A command that somebody should type next. Where it is shown, the room cli adds `globals`.
struct Suggestion {
    std::string command; ///< "route restore"; empty of another program
    std::vector<std::string> arguments{}; ///< as the program is to get them, not quoted
    std::vector<std::string> globals{}; ///< in front of the command: options that all have
    std::string program = "oa-stream";

    /// The whole line for a POSIX shell, each argument quoted where it must be, but k_fill_in.
    [[nodiscard]] std::string text() const;

    friend Advice operator+(Advice first, const Advice& second);
};

/// What shows a file to a person.
[[nodiscard]] Suggestion less(const std::filesystem::path& file);
/// The same of one that grows.
[[nodiscard]] Suggestion follow(const std::filesystem::path& file);

/// What to type or change next: prose, and in it commands that stay typed until somebody reads it.
class Advice {
public:
    using Part = std::variant<std::string, Suggestion>;

    Advice() = default;
    // NOLINTBEGIN(google-explicit-constructor): each of them is advice as it is
    Advice(std::string prose);
    Advice(const char* prose) : Advice(std::string(prose)) {}
    Advice(std::string_view prose) : Advice(std::string(prose)) {}
    Advice(Suggestion suggestion);
    // NOLINTEND(google-explicit-constructor)

    Advice& operator+=(const Advice& more);
    [[nodiscard]] bool empty() const noexcept { return parts_.empty(); }
    [[nodiscard]] const std::vector<Part>& parts() const noexcept { return parts_; }
    /// As it is read, and as files keep it.
    [[nodiscard]] std::string text() const;
    /// The same with every command, or every text (prose, arguments), as `change` makes it.
    [[nodiscard]] Advice with_commands(const std::function<void(Suggestion&)>& change) const;
    [[nodiscard]] Advice with_texts(const std::function<std::string(std::string_view)>& change
    ) const;

    friend Advice operator+(Advice first, const Advice& second);
    /// It reads as `text`.
    friend bool operator==(const Advice& advice, std::string_view text) {
        return std::string_view(advice.text()) == text;
    }

private:
    std::vector<Part> parts_{}; ///< none is empty prose
};

/// One line that carries out all of them, until one fails.
[[nodiscard]] Advice advice_to_do_all(const std::vector<Suggestion>& suggestions);

} // namespace oa_stream
