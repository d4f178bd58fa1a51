// Random legal streams of chat completions, and which single changes of one leave it legal – stated
// from the contract's words, not taken from the machine under test.
#pragma once

#include "oa_stream/wire/completions_chunk.hpp"

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::contract {

using CompletionEvents = std::vector<wire::completions::Event>;

[[nodiscard]] CompletionEvents random_completion(std::mt19937& random);
/// The events as frames.
[[nodiscard]] std::string written(const CompletionEvents& stream);

/// Why the stream stays legal when event `at` is dropped; empty: it must be caught.
[[nodiscard]] std::string_view legal_to_drop(const CompletionEvents& stream, std::size_t at);
/// … when a copy of event `from` is put in front of position `to`.
[[nodiscard]] std::string_view
legal_to_copy(const CompletionEvents& stream, std::size_t from, std::size_t to);
/// … when the events `at` and `at + 1` change places.
[[nodiscard]] std::string_view legal_to_swap(const CompletionEvents& stream, std::size_t at);

} // namespace oa_stream::contract
