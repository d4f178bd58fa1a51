// Folders and maps for the tests of the id map.
#pragma once

#include "oa_stream/base/file.hpp"
#include "oa_stream/lane/id_map.hpp"

#include "../support/loop_rig.hpp"
#include "temp_folder.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace oa_stream::test {

/// A map on a loop of its own; what it noted and which problems it had.
struct MapStage : LoopRig {
    explicit MapStage(
        std::filesystem::path path, Millis delay = Millis(1), Millis forget = Millis(60'000)
    )
        : opened(lane::IdMap::open(
              context.get_executor(),
              {.path = std::move(path),
               .delay = delay,
               .forget = forget,
               .problem = [this](const Error& error) { problems.push_back(error); },
               .note = [this](std::string_view what) { notes.emplace_back(what); }}
          )) {}

    [[nodiscard]] lane::IdMap& map() { return **opened; }

    void until(const std::function<bool()>& done) { LoopRig::until("of the map", done); }
    Result<void> commit() { return run(map().commit()); }

    std::vector<Error> problems;
    std::vector<std::string> notes;
    Result<std::unique_ptr<lane::IdMap>> opened;
};

} // namespace oa_stream::test
