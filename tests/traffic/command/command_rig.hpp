// The command driver with programs in a folder of its own.
#pragma once

#include "oa_stream/base/file.hpp"

#include "command/command_driver.hpp"
#include "conformance.hpp"
#include "temp_folder.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <string>

namespace oa_stream::traffic::testing {

struct Folder : test::TempFolder {
    void write(const std::string& name, std::string_view text) const {
        REQUIRE(write_file_atomic(path / name, text).has_value());
    }
    [[nodiscard]] std::string text(const std::string& name) const {
        return read_file(path / name).value_or("");
    }
    /// An executable shell script; its path.
    [[nodiscard]] std::string script(const std::string& name, std::string_view body) const {
        write(name, "#!/bin/sh\n" + std::string(body) + "\n");
        ::chmod((path / name).c_str(), 0700);
        return (path / name).string();
    }
};

} // namespace oa_stream::traffic::testing
