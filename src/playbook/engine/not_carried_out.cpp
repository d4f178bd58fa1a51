// What a playbook may say before the engine can do it. A row leaves this file when it can.
#include "oa_stream/playbook/playbook.hpp"

namespace oa_stream::playbook {

// Everything is carried out today.
std::vector<Error> not_carried_out(const Playbook& /*playbook*/) {
    return {};
}

} // namespace oa_stream::playbook
