// Random legal streams, and which single changes of one leave it legal – stated from the contract's
// words, not taken from the machine under test.
#pragma once

#include "oa_stream/wire/ui_chunk.hpp"

#include <cstddef>
#include <random>
#include <string_view>
#include <vector>

namespace oa_stream::contract {

using Stream = std::vector<wire::ui::Chunk>;

[[nodiscard]] Stream random_legal_stream(std::mt19937& random);

/// Why the stream stays legal when chunk `at` is dropped; empty: it must be caught.
[[nodiscard]] std::string_view legal_to_drop(const Stream& stream, std::size_t at);
/// … when a copy of chunk `from` is put in front of position `to`.
[[nodiscard]] std::string_view
legal_to_copy(const Stream& stream, std::size_t from, std::size_t to);
/// … when the chunks `at` and `at + 1` change places.
[[nodiscard]] std::string_view legal_to_swap(const Stream& stream, std::size_t at);

} // namespace oa_stream::contract
