// The peer of `oa-stream check`: simdjson parses the JSON of every data line of a stream and judges
// nothing.
//
//   bench_simdjson_parse FILE      prints how many lines were JSON
#include <simdjson.h>

#include <cstdio>
#include <string_view>

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: bench_simdjson_parse FILE\n", stderr);
        return 2;
    }
    simdjson::padded_string bytes;
    if (simdjson::padded_string::load(argv[1]).get(bytes)) {
        std::perror(argv[1]);
        return 1;
    }
    constexpr std::string_view data = "data: ";
    simdjson::dom::parser parser;
    std::string_view rest = bytes;
    std::size_t parsed = 0;
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        const auto line = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
        if (line.starts_with(data)) {
            simdjson::dom::element chunk;
            // What follows the line is padding enough: the whole file is padded.
            const auto error =
                parser.parse(line.data() + data.size(), line.size() - data.size(), false)
                    .get(chunk);
            parsed += error ? 0 : 1;
        }
    }
    std::printf("%zu\n", parsed);
}
