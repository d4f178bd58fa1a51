// Traffic as a playbook file says it.
#pragma once

#include "oa_stream/playbook/file.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

namespace oa_stream::playbook {

/// "driver: local, socket: /x" and so on; the revisions are stable and canary.
inline Traffic traffic_of(std::string_view text) {
    auto out = read_playbook(
        fmt::format(
            "version: 1\nkind: rollback\nname: x\ntarget: {{ base_url: \"http://h\" }}\n"
            "traffic: {{ stable: stable, canary: canary, {} }}\n",
            text
        ),
        "f.yaml",
        {}
    );
    if (!out) {
        FAIL(out.error().text());
    }
    return std::move(out->traffic);
}

} // namespace oa_stream::playbook
