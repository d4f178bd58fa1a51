// How a run reached the control service, as far as its folder may hold it: its undo comes in by the
// same way without further options.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/base/redact.hpp"
#include "oa_stream/base/shell.hpp"

#include <string>
#include <vector>

namespace oa_stream::routes {

/// Members are empty where nothing was given.
struct RouteAccess {
    std::string auth{}; ///< "env:TOKEN"
    std::string ca{}; ///< PEM files
    std::string cert{};
    std::string key{};
    std::vector<std::string> headers{}; ///< "Name: value", the value a reference if it is a secret
    std::string build{}; ///< compatibility, where it is not the usual one
    std::string protocol{};
    std::string schema{};

    friend bool operator==(const RouteAccess&, const RouteAccess&) = default;
};

/// What a folder holds of it: paths from the root, references as they are. A descriptor, which can
/// be read only once, is left out; of a header with one, or with a secret in the open, the name
/// stays.
[[nodiscard]] RouteAccess kept_access(RouteAccess access, const Redactor& redactor);

/// Members of `target` in run.json.
[[nodiscard]] Json to_json(const RouteAccess& access);
/// Of a run.json of any release, also of one that cannot be read: then empty.
[[nodiscard]] RouteAccess read_route_access(const Json& document);

/// `given`, and what it leaves open as it was `kept`. A certificate comes with its own key.
[[nodiscard]] RouteAccess completed(RouteAccess given, const RouteAccess& kept);
/// Names of the headers whose values are not there.
[[nodiscard]] std::vector<std::string> lost_headers(const RouteAccess& access);

/// Options that give `access` to a command which knows what is `kept`; REF stands for what was
/// not kept.
[[nodiscard]] std::vector<std::string>
access_options(const RouteAccess& access, const RouteAccess& kept);
/// The command that undoes `run`, whose folder has `kept`, with an access that was kept.
[[nodiscard]] Suggestion
route_restore(std::string run, const RouteAccess& access, const RouteAccess& kept);

} // namespace oa_stream::routes
