// Stores a probe's observations in a run.
#pragma once

#include "oa_stream/probe/stream_probe.hpp"
#include "oa_stream/run/run_session.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::probe {

/// Writes the sample's files (see stream_files()) below streams/; returns their paths.
std::vector<std::string>
keep_stream(run::RunFolder& folder, const std::string& stem, const ProbeSample& sample);
/// Writes below streams/; returns the path.
std::string keep_bytes(run::RunFolder& folder, const std::string& name, std::string_view bytes);

/// Sets the hooks that the options of a smoke or shadow have: streams, checks, turns and pairs go
/// to the session, which must outlive the probe.
template <class Options> void record_into(run::RunSession& session, Options& options) {
    const auto stream = [&session](const std::string& stem, const ProbeSample& sample) {
        return keep_stream(session.folder(), stem, sample);
    };
    const auto bytes = [&session](const std::string& name, std::string_view all) {
        return keep_bytes(session.folder(), name, all);
    };
    if constexpr (requires { options.keep = bytes; }) {
        options.keep = bytes;
    } else {
        options.keep = stream;
    }
    if constexpr (requires { options.keep_native; }) {
        options.keep_native = bytes;
    }
    if constexpr (requires { options.on_pair; }) {
        options.on_pair = [&session](const Json& pair) {
            session.folder().append("measure/pairs.ndjson", pair);
        };
    }
    if constexpr (requires { options.on_turn; }) {
        options.on_turn = [&session](const std::string& thread) { session.note_turn(thread); };
    }
    options.on_check = [&session](const Check& check) { session.add(check); };
}

} // namespace oa_stream::probe
