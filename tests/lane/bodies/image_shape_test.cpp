#include "chats/image_url.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace oa_stream;

namespace {

struct Row {
    const char* name;
    bool whole;
    std::string_view data;
};

std::string fault(std::string_view type, std::string_view data) {
    return std::string(lane::image_fault(fmt::format("data:image/{};base64,{}", type, data)));
}

} // namespace

TEST_CASE("image: of a PNG sums, palette and pixels are what a decoder needs") {
    static const Row k_rows[] = {
        Row{"gray, two pieces of pixels",
            true,
            "iVBORw0KGgoAAAANSUhEUgAAAAMAAAADCAAAAABzQ+"
            "pjAAAABElEQVR4nGNgs8N33AAAAApJREFUZGJmgGIAAHIAE4I9wiUAAAAASUVORK5CYII="},
        Row{"a palette",
            true,
            "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACAQMAAABIeJ9nAAAABlBMVEUAAAD///+l2Z/"
            "dAAAADElEQVR4nGNoYHAAAAHEAMGYZjUWAAAAAElFTkSuQmCC"},
        Row{"interlaced",
            true,
            "iVBORw0KGgoAAAANSUhEUgAAAAMAAAADCAAAAAEERNr1AAAAEElEQVR4nGNgZwBCMAGk2AEByABAEjCDXAAAAA"
            "BJRU5ErkJggg=="},
        Row{"interlaced, a row too few",
            false,
            "iVBORw0KGgoAAAANSUhEUgAAAAMAAAADCAAAAAEERNr1AAAAEElEQVR4nGNgZwBCMMHADgABTwAytBlnCgAAAA"
            "BJRU5ErkJggg=="},
        Row{"a broken sum of a comment",
            true,
            "iVBORw0KGgoAAAANSUhEUgAAAAMAAAADCAAAAABzQ+"
            "pjAAAAA3RFWHRhAGLcSaI6AAAADklEQVR4nGNgZGJmgGIAAHIAE3UtoRMAAAAASUVORK5CYII="},
        Row{"more pixels than it needs",
            true,
            "iVBORw0KGgoAAAANSUhEUgAAAAMAAAADCAAAAABzQ+"
            "pjAAAAEElEQVR4nGNgZGJmgOKKCgACAAED6EigyAAAAABJRU5ErkJggg=="},
        Row{"a broken sum within the pixels",
            true,
            "iVBORw0KGgoAAAANSUhEUgAAAAMAAAADCAAAAABzQ+"
            "pjAAAADklEQVR4nGNgZGJmgGIAAHIAEgIqkYUAAAAASUVORK5CYII="},
        Row{"a broken sum of pixels",
            false,
            "iVBORw0KGgoAAAANSUhEUgAAAAMAAAADCAAAAABzQ+"
            "pjAAAADklEQVR4nGNgZGJmgGIAAHIAE3UtoRIAAAAASUVORK5CYII="},
        Row{"a broken sum of the palette",
            false,
            "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACAQMAAABIeJ9nAAAABlBMVEUAAAD///+l2Z/"
            "cAAAADElEQVR4nGNoYHAAAAHEAMGYZjUWAAAAAElFTkSuQmCC"},
        Row{"no palette",
            false,
            "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACAQMAAABIeJ9nAAAADElEQVR4nGNoYHAAAAHEAMGYZjUWAAAAAElFTk"
            "SuQmCC"},
        Row{"half a colour",
            false,
            "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACAQMAAABIeJ9nAAAABVBMVEUAAAD//"
            "9xAxv4AAAAMSURBVHicY2hgcAAAAcQAwZhmNRYAAAAASUVORK5CYII="},
        Row{"an empty palette",
            false,
            "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACAQMAAABIeJ9nAAAAAFBMVEVLqIlVAAAADElEQVR4nGNoYHAAAAHEAM"
            "GYZjUWAAAAAElFTkSuQmCC"},
        Row{"a row too few",
            false,
            "iVBORw0KGgoAAAANSUhEUgAAAAMAAAADCAAAAABzQ+pjAAAADklEQVR4nGNgZGJmAGIAADQADXMjh/"
            "AAAAAASUVORK5CYII="},
        Row{"pixels cut in the middle",
            false,
            "iVBORw0KGgoAAAANSUhEUgAAAAMAAAADCAAAAABzQ+pjAAAADElEQVR4AQEMAPP/"
            "AAECAwCBxT2vAAAAAElFTkSuQmCC"},
        Row{"pixels that do not inflate",
            false,
            "iVBORw0KGgoAAAANSUhEUgAAAAMAAAADCAAAAABzQ+pjAAAAB0lEQVR4nP//////"
            "6Kp0PwAAAABJRU5ErkJggg=="},
        Row{"a depth that there is not",
            false,
            "iVBORw0KGgoAAAANSUhEUgAAAAMAAAADAwAAAAAEk9tyAAAADklEQVR4nGNgZGJmgGIAAHIAE3UtoRMAAAAASU"
            "VORK5CYII="},
        Row{"a depth that colours do not have",
            false,
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABBAIAAABVh77fAAAAC0lEQVR4nGNgZAQAAAYAAz+2/"
            "6EAAAAASUVORK5CYII="},
        Row{"a kind of colour that there is not",
            false,
            "iVBORw0KGgoAAAANSUhEUgAAAAMAAAADCAUAAABEnRpRAAAADklEQVR4nGNgZGJmgGIAAHIAE3UtoRMAAAAASU"
            "VORK5CYII="},
        Row{"another interlacing",
            false,
            "iVBORw0KGgoAAAANSUhEUgAAAAMAAAADCAAAAAKdTYtPAAAADklEQVR4nGNgZGJmgGIAAHIAE3UtoRMAAAAASU"
            "VORK5CYII="},
        Row{"rgba of 16 bits",
            true,
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABEAYAAABPhRjKAAAAC0lEQVR4nGNghAIAAC0ACT6C+"
            "rQAAAAASUVORK5CYII="},
        Row{"rgba of 16 bits, a byte too few",
            false,
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABEAYAAABPhRjKAAAAC0lEQVR4nGNghAAAACQACAucUKYAAAAASUVORK"
            "5CYII="},
    };
    for (const Row& row : k_rows) {
        CAPTURE(row.name);
        CHECK(fault("png", row.data) == (row.whole ? "" : "an image must be whole"));
    }
}

TEST_CASE("image: of an extended WebP the chunks lie within the file, the images on the canvas") {
    static const Row k_rows[] = {
        Row{"extended",
            true,
            "UklGRiwAAABXRUJQVlA4WAoAAAAAAAAAAAAAAAAAVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="},
        Row{"extended, with a profile",
            true,
            "UklGRjgAAABXRUJQVlA4WAoAAAAgAAAAAAAAAAAASUNDUAMAAABhYmMAVlA4TA0AAAAvAAAAEAcQERGIiP4HAA"
            "=="},
        Row{"animated",
            true,
            "UklGRlIAAABXRUJQVlA4WAoAAAACAAAAAwAAAwAAQU5JTQYAAAAAAAAAAABBTk1GJgAAAAEAAAEAAAAAAAAAAA"
            "AAAABWUDhMDQAAAC8AAAAQBxAREYiI/gcA"},
        Row{"extended without an image", false, "UklGRhYAAABXRUJQVlA4WAoAAAAAAAAAAAAAAAAA"},
        Row{"extended with a profile alone",
            false,
            "UklGRiIAAABXRUJQVlA4WAoAAAAAAAAAAAAAAAAASUNDUAMAAABhYmMA"},
        Row{"a canvas of another size",
            false,
            "UklGRiwAAABXRUJQVlA4WAoAAAAAAAAACAAAAAAAVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="},
        Row{"a chunk beyond the end",
            false,
            "UklGRisAAABXRUJQVlA4WAoAAAAAAAAAAAAAAAAAVlA4TGMAAAAvAAAAEAcQERGIiP4H"},
        Row{"a header too short",
            false,
            "UklGRioAAABXRUJQVlA4WAgAAAAAAAAAAAAAAFZQOEwNAAAALwAAABAHEBERiIj+BwA="},
        Row{"a frame beyond the canvas",
            false,
            "UklGRlIAAABXRUJQVlA4WAoAAAACAAAAAQAAAQAAQU5JTQYAAAAAAAAAAABBTk1GJgAAAAEAAAAAAAAAAAAAAA"
            "AAAABWUDhMDQAAAC8AAAAQBxAREYiI/gcA"},
        Row{"animated without a frame",
            false,
            "UklGRiQAAABXRUJQVlA4WAoAAAACAAAAAQAAAQAAQU5JTQYAAAAAAAAAAAA="},
    };
    for (const Row& row : k_rows) {
        CAPTURE(row.name);
        CHECK(fault("webp", row.data) == (row.whole ? "" : "an image must be whole"));
    }
}

TEST_CASE("image: the case of base64 in its URL does not matter; Codex takes no spaces around it") {
    const auto said = [](std::string_view type) {
        return std::string(lane::image_fault(fmt::format(
            "data:image/gif;{},R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", type
        )));
    };
    CHECK(said("base64").empty());
    CHECK(said("BASE64").empty());
    CHECK(said("x=y;Base64").empty());
    CHECK(said("x=y") == "an image must be whole base64");
    CHECK(said("base64;x=y") == "an image must be whole base64");
    CHECK(said(" base64") == "an image must have a URL without spaces around base64");
    CHECK(said("base64 ") == "an image must have a URL without spaces around base64");
}
