#include "bodies/text_file.hpp"
#include "chats/image_url.hpp"
#include "chats/message_parts.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace oa_stream;
using namespace oa_stream::lane;

TEST_CASE("text file: base64 is read whatever its case, with spaces around it and after parameters"
) {
    for (const std::string_view type :
         {"text/plain;base64",
          "text/plain;BASE64",
          "text/plain;Base64",
          "text/csv; base64",
          "text/csv;base64 ",
          "application/json;charset=utf-8;BASE64"}) {
        CAPTURE(type);
        CHECK(text_file(fmt::format("data:{},c2VjcmV0", type)) == "secret");
        CHECK_FALSE(text_file_fault(fmt::format("data:{},c2Vj*cmV0", type)).empty());
    }
}

TEST_CASE("text file: base64 elsewhere in the type is no encoding") {
    for (const std::string_view type :
         {"text/plain",
          "text/plain;charset=utf-8",
          "text/base64",
          "text/plain;base64;charset=utf-8",
          "text/plain;x=base64",
          "text/plain;base 64"}) {
        CAPTURE(type);
        CHECK(text_file(fmt::format("data:{},c2Vj%20cmV0;base64,", type)) == "c2Vj cmV0;base64,");
    }
}

TEST_CASE("text file: a message is named by the words beside its files, else by the first one") {
    const auto csv = file_as_text("orders.csv", "data:text/csv,", "a,b");
    const auto xml = file_as_text("x.xml", "data:text/xml,", "<a/>");
    CHECK(words_beside_files(csv + "What is in it?") == "What is in it?");
    CHECK(words_beside_files(csv + '\n' + xml + "\nBoth?") == "Both?");
    CHECK(words_beside_files("What is this? " + csv) == "What is this?");
    CHECK(words_beside_files("One " + csv + "two") == "One");
    CHECK(words_beside_files(csv + xml) == "orders.csv");
    CHECK(words_beside_files(csv.substr(0, 50)) == "orders.csv");
    CHECK(words_beside_files(csv.substr(0, 16)) == "orde");
    CHECK(words_beside_files(file_as_text("", "data:text/csv,", "")) == "file");
    CHECK(words_beside_files("<file> is a tag") == "<file> is a tag");
    CHECK(words_beside_files("") == "");
}

TEST_CASE("data URL: scheme and media type have no case, and the rest of it does") {
    CHECK(
        normal_data_url("DATA:Text/PLAIN;Charset=UTF-8;BASE64,QUJD") ==
        "data:text/plain;Charset=UTF-8;BASE64,QUJD"
    );
    CHECK(normal_data_url("Data:TEXT/CSV,A;B") == "data:text/csv,A;B");
    CHECK(normal_data_url("data:,A") == "data:,A");
    CHECK(normal_data_url("DATA") == "DATA");
    CHECK(normal_data_url("HTTPS://X/Y.PNG") == "HTTPS://X/Y.PNG");
    const auto piece = [](std::string_view media, std::string_view url) {
        Json part = Json::object({{"type", "file"}, {"mediaType", media}, {"url", url}});
        const Json message = Json::object({{"parts", Json::array({std::move(part)})}});
        return read_pieces(message, "messages[0]").at(0);
    };
    for (const std::string_view url :
         {"data:TEXT/PLAIN;base64,aGk=", "DATA:text/plain;base64,aGk="}) {
        const auto file = piece("TEXT/plain", url);
        CHECK(file.kind == Piece::Kind::file);
        CHECK(file.value == "<file name=\"file\" type=\"text/plain\">\nhi\n</file>\n");
    }
    const auto image = piece("IMAGE/PNG", "Data:IMAGE/PNG;base64,iVBORw0KGgo");
    CHECK(image.kind == Piece::Kind::image);
    CHECK(image.value == "data:image/png;base64,iVBORw0KGgo");
}
