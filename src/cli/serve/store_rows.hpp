// The options for the store's address, for each command that connects to it.
#pragma once

#include "oa_stream/base/option_names.hpp"
#include "oa_stream/store/address.hpp"

#include "core/option.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace oa_stream::cli {

/// An unset variable in a script must not mean a lane that is alone.
inline Result<std::string> read_store(std::string_view text) {
    return text.empty() ? fail(Code::usage, "empty", {}, "memory or a URL")
                        : Result<std::string>(text);
}

/// `what`: the limit among several of the option.
inline std::unexpected<Error> needs_store(std::string_view option, std::string_view what = "it") {
    return fail(
        Code::usage,
        fmt::format("{} needs {}", what, names::store),
        std::string(option),
        fmt::format("{} redis://127.0.0.1:6379, or leave it out", names::store)
    );
}

/// `Group`: the member of a command's options that holds the StoreOptions.
template <auto Group> struct StoreRows {
    static constexpr auto user = option<Group, &store::StoreOptions::user>(
        names::store_user, "NAME", "Log in to the store as this user."
    );
    static constexpr auto password = option<Group, &store::StoreOptions::password>(
        names::store_password, "REF", "Read the store's password from env:NAME, file:PATH or fd:N."
    );
    static constexpr auto ca_file = option<Group, &store::StoreOptions::ca_file>(
        names::store_ca, "FILE", "Trust the certificates of this PEM file for rediss://, no others."
    );
    static constexpr auto prefix =
        option<Group, &store::StoreOptions::prefix>(
            "--store-prefix", "NAME", "Begin every key in the store with this name."
        )
            .or_else("oa");
    static constexpr auto replica = option<Group, &store::StoreOptions::replica>(
        "--replica-name", "NAME", "Name this lane in the store. Without it: the host's name."
    );

    /// Store options without a store are refused: a forgotten --store would silently leave the lane
    /// alone.
    static Result<void> check_used(const store::StoreOptions& given) {
        const store::StoreOptions usual;
        for (const auto& [name, without] :
             {std::pair{std::string_view(user.name), given.user == usual.user},
              {password.name, given.password == usual.password},
              {ca_file.name, given.ca_file == usual.ca_file},
              {prefix.name, given.prefix == usual.prefix},
              {replica.name, given.replica == usual.replica}}) {
            if (given.url.empty() && !without) {
                return needs_store(name);
            }
        }
        return {};
    }
};

} // namespace oa_stream::cli
