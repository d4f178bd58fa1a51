// The options for a Codex worker and its Khala, for each command that connects to them.
#pragma once

#include "oa_stream/authority/worker.hpp"
#include "oa_stream/base/option_names.hpp"

#include "core/option.hpp"

#include <array>
#include <string_view>

namespace oa_stream::cli {

/// `Path` leads to the member of a command's options that is the WorkerOptions.
template <auto... Path> struct WorkerRows {
    using Worker = authority::WorkerOptions;
    static constexpr std::array<std::string_view, 2> k_wires{"rust", "phoenix"};

    static constexpr auto control = option<Path..., &Worker::control_url>(
        names::worker_control, "URL", "Send commands to the worker control API at this address."
    );
    static constexpr auto id =
        option<Path..., &Worker::worker>(names::worker_id, "ID", "Run turns on this worker.")
            .or_else(authority::k_usual_worker);
    static constexpr auto auth =
        option<Path..., &Worker::auth>(
            names::worker_auth,
            "REF",
            "Read the control token from env:NAME, file:PATH, fd:N or "
            "command:PROGRAM. When the token is refused, a file is reread and a program runs again."
        )
            .or_else("env:OA_STREAM_WORKER_TOKEN");
    static constexpr auto client_build = option<Path..., &Worker::client_build>(
        "--worker-client-build", "ID", "Name this client build to the control service and Khala."
    );
    static constexpr auto khala_url = option<Path..., &Worker::khala_url>(
        names::khala_url, "URL", "Read events from Khala here. Without it: at --worker-control."
    );
    static constexpr auto wire = option<Path..., &Worker::wire>(
                                     "--khala-wire", k_wires, "Use this wire protocol with Khala."
    )
                                     .or_else("rust");
    static constexpr auto topic =
        option<Path..., &Worker::topic>(
            "--khala-topic", "NAME", "Read events from this topic of Khala."
        )
            .or_else("runtime.codex_worker_events");
    static constexpr auto khala_auth =
        option<Path..., &Worker::khala_auth>(
            names::khala_auth,
            "mint|REF",
            "Mint sync tokens at the control API, or read them from env:NAME, file:PATH, fd:N or "
            "command:PROGRAM."
        )
            .or_else("mint");
};

} // namespace oa_stream::cli
