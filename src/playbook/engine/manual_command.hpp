// The command with which a person does what we could not. Private to the room.
#pragma once

#include "oa_stream/playbook/playbook.hpp"
#include "oa_stream/traffic/split.hpp"

#include <string>

namespace oa_stream::playbook {

/// One line for a shell, every value quoted; empty where there is none.
[[nodiscard]] std::string by_hand(const Playbook& playbook, const traffic::Split& split);

} // namespace oa_stream::playbook
