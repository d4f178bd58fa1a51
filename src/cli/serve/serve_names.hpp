// Names of serve's options that stand in its messages too.
#pragma once

namespace oa_stream::cli::serve_names {

inline constexpr const char* allow_root = "--allow-root";
inline constexpr const char* codex_children = "--codex-children";
inline constexpr const char* read_dir = "--read-dir";
inline constexpr const char* shared_workspace = "--shared-workspace";
inline constexpr const char* work_dir = "--work-dir";
inline constexpr const char* work_dir_template = "--work-dir-template";

} // namespace oa_stream::cli::serve_names
