// Lets a probe leave what it saw in a run.
#pragma once

#include "oa_stream/probe/stream_probe.hpp"
#include "oa_stream/run/run_session.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::probe {

/// Below streams/: the sample's files, see stream_files(); their paths.
std::vector<std::string>
keep_stream(run::RunFolder& folder, const std::string& stem, const ProbeSample& sample);
/// Below streams/; its path.
std::string keep_bytes(run::RunFolder& folder, const std::string& name, std::string_view bytes);

/// Sets the hooks that `options` has, of a smoke or of a shadow: streams, checks, turns and pairs
/// go into the session, which must outlive the probe.
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
