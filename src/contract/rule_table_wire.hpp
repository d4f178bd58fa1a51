// Rules H, S, J and W: rules about the head, the bytes and each single chunk.
#pragma once

#include "oa_stream/contract/rules.hpp"

#include <array>

namespace oa_stream::contract {

inline constexpr std::array k_wire_rules{
    Rule{
        "H1",
        Level::must,
        Input::headers,
        "HTTP status is 200",
        "run on nine clients, ai 5.0.0 to 7.0.173",
        "On any other status a client shows the whole body to its user as the error message.",
        Scope::ui_streams
    },
    Rule{
        "H2",
        Level::must,
        Input::headers,
        "content-type is text/event-stream",
        "WHATWG HTML 9.2",
        "Proxies decide by the content type whether to buffer and compress; clients never look, so "
        "the fault shows only when answers arrive in one piece.",
        Scope::every
    },
    Rule{
        "H3",
        Level::must,
        Input::headers,
        "cache-control has no-cache and no-transform",
        "RFC 9111 5.2.2",
        "Without no-transform a proxy may compress or rewrite the body, which holds frames back; "
        "without no-cache one user may be served another's answer.",
        Scope::every
    },
    Rule{
        "H4",
        Level::must,
        Input::headers,
        "x-vercel-ai-ui-message-stream is v1",
        "AI SDK UI message stream protocol",
        "The header names the protocol's version; gateways and later clients identify streams by "
        "it.",
        Scope::ui_streams
    },
    Rule{
        "H5",
        Level::must,
        Input::headers,
        "x-accel-buffering is no",
        "nginx ngx_http_proxy_module",
        "nginx and proxies that copied it buffer answers unless this header forbids it: the user "
        "sees nothing, then everything at once.",
        Scope::every
    },
    Rule{
        "H6",
        Level::should,
        Input::headers,
        "no content-encoding and no content-length",
        "RFC 9110 8.4, 8.6",
        "A compressor holds small frames back, and a length means that the answer was complete "
        "before it was sent: neither is a stream.",
        Scope::every
    },
    Rule{
        "S1",
        Level::must,
        Input::bytes,
        "the bytes are valid UTF-8",
        "WHATWG HTML 9.2.5",
        "Clients turn broken bytes into U+FFFD without a word; usually a character was cut over "
        "two deltas.",
        Scope::every
    },
    Rule{
        "S2",
        Level::should,
        Input::bytes,
        "no byte order mark",
        "WHATWG HTML 9.2.5",
        "One mark is skipped, but readers other than browsers may read it as part of the first "
        "field.",
        Scope::every
    },
    Rule{
        "S3",
        Level::must,
        Input::bytes,
        "no raw control bytes except line ends",
        "RFC 8259 7",
        "JSON forbids raw control characters in strings, and they forge lines in terminals and "
        "logs.",
        Scope::every
    },
    Rule{
        "S4",
        Level::should,
        Input::bytes,
        "lines end with LF only",
        "WHATWG HTML 9.2.5",
        "Carriage returns are legal, but simple readers split at the empty line LF LF and never "
        "find it.",
        Scope::every
    },
    Rule{
        "S5",
        Level::must,
        Input::bytes,
        "the last event is ended by an empty line",
        "WHATWG HTML 9.2.6",
        "An event without its empty line is dropped without a word, often the very last one.",
        Scope::every
    },
    Rule{
        "S6",
        Level::should,
        Input::bytes,
        "only data: fields and comments are used",
        "AI SDK UI message stream protocol",
        "event:, id: and retry: are ignored by the clients; whatever they carry is lost.",
        Scope::data_only
    },
    Rule{
        "S7",
        Level::should,
        Input::bytes,
        "one data: line per event",
        "AI SDK UI message stream protocol",
        "Several data: lines are joined by a newline, which simple readers do not do.",
        Scope::every
    },
    Rule{
        "S8",
        Level::should,
        Input::bytes,
        "exactly one space after data:",
        "WHATWG HTML 9.2.6",
        "One space is removed, more stay; simple readers cut at a fixed place.",
        Scope::every
    },
    Rule{
        "S9",
        Level::should,
        Input::bytes,
        "comments are between events, not inside one",
        "WHATWG HTML 9.2.6",
        "Tools that cut the stream at empty lines take the comment for a part of the event.",
        Scope::every
    },
    Rule{
        "J1",
        Level::must,
        Input::bytes,
        "every event is one JSON object, or exactly [DONE]",
        "run on nine clients",
        "Every client ends the turn in an error at the first event it cannot parse.",
        Scope::every
    },
    Rule{
        "J2",
        Level::must,
        Input::bytes,
        "type is a chunk type that every client knows",
        "run on nine clients",
        "No client, old or new, takes an unknown type: one such chunk ends the turn in an error."
    },
    Rule{
        "J3",
        Level::must,
        Input::bytes,
        "only the keys that every client knows for that type",
        "run on ai 5.0.0, 5.0.216, 6.0.0, 6.0.230, 7.0.0, 7.0.31",
        "Six of nine clients refuse a chunk with a key they do not know and end the turn in an "
        "error."
    },
    Rule{
        "J4",
        Level::must,
        Input::bytes,
        "required keys are there and have the right JSON type",
        "run on nine clients",
        "Every client refuses the chunk and ends the turn in an error. A messageMetadata that is "
        "not an object ends it when the next one is merged into it."
    },
    Rule{
        "J5",
        Level::must,
        Input::bytes,
        "strings are well formed (no lone surrogate escape)",
        "RFC 8259 8.2",
        "Half a character stays broken in the page, and storing the message as UTF-8 fails later.",
        Scope::every
    },
    Rule{
        "J6",
        Level::must,
        Input::bytes,
        "no key appears twice in one object",
        "RFC 8259 4",
        "Parsers disagree which of the two counts: a log and a page then show different answers.",
        Scope::every
    },
    Rule{
        "J7",
        Level::must,
        Input::bytes,
        R"(no "__proto__" key and no "constructor" holding "prototype", at any depth)",
        "run on nine clients",
        "Clients guard against prototype pollution and kill the whole stream, also when the key "
        "stands inside tool input or output.",
        Scope::every
    },
    Rule{
        "J8",
        Level::should,
        Input::bytes,
        "the chunk type is one of the contract set",
        "run on nine clients",
        "Every client takes it, but the contract has no use for it; it may come from another "
        "server."
    },
    Rule{
        "J9",
        Level::should,
        Input::bytes,
        "start carries messageId",
        "run on nine clients",
        "Without it every client makes up its own id, which no later request or resume can name."
    },
    Rule{
        "J10",
        Level::should,
        Input::bytes,
        "no key that every client knows but the contract does not use (providerMetadata)",
        "run on nine clients",
        "It is stored in the page and sent back with every later request, for nothing."
    },
};

inline constexpr std::array k_limit_rules{
    Rule{
        "W1",
        Level::must,
        Input::bytes,
        "a line is at most 16 MiB and an event at most 32 MiB",
        "limits of this reader",
        "A client holds the whole event in memory before it shows any of it; what is longer was "
        "not read.",
        Scope::every
    },
    Rule{
        "W2",
        Level::must,
        Input::bytes,
        "JSON nests at most 512 levels deep",
        "limits of this reader",
        "Pages copy and draw nested values recursively and crash on very deep ones.",
        Scope::every
    },
    Rule{
        "W3",
        Level::must,
        Input::transport,
        "the body ends by its own end, neither cut nor reset",
        "RFC 9112 8",
        "A client that has not seen an error or finish shows a broken connection as a failed turn, "
        "or asks again.",
        Scope::every
    },
};

} // namespace oa_stream::contract
