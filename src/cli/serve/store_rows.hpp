// The options that say where the store is, for each command that connects to it.
#pragma once

#include "oa_stream/base/option_names.hpp"
#include "oa_stream/store/address.hpp"

#include "core/option.hpp"

#include <string>
#include <string_view>

namespace oa_stream::cli {

/// A variable of a script that is not set must not mean a lane that is alone.
inline Result<std::string> read_store(std::string_view text) {
    return text.empty() ? fail(Code::usage, "empty", {}, "memory or a URL")
                        : Result<std::string>(text);
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
        "--store-ca", "FILE", "Trust the certificates of this PEM file for rediss://, no others."
    );
    static constexpr auto prefix =
        option<Group, &store::StoreOptions::prefix>(
            "--store-prefix", "NAME", "Begin every key in the store with this name."
        )
            .or_else("oa");
};

} // namespace oa_stream::cli
