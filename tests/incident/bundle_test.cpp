#include "oa_stream/base/digest.hpp"
#include "oa_stream/incident/bundle.hpp"
#include "oa_stream/run/run_notes.hpp"

#include "as_nobody.hpp"
#include "full_disk.hpp"
#include "incident_rig.hpp"

#include <fmt/format.h>

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <map>

using namespace oa_stream;
using namespace oa_stream::incident;
using namespace oa_stream::run;
namespace fs = std::filesystem;

namespace {

BundleRules redacting() {
    return {.redact = true, .accept_changed = false};
}

/// A bundle that was made, verified, and unpacked by tar.
struct Unpacked {
    Unpacked(
        const Scratch& state,
        const Incident& incident,
        const Redactor& redactor,
        const BundleRules& rules
    )
        : root(state.path / ("incident-" + incident.id)) {
        const auto made = write_bundle(incident, state.path / "b.tar.zst", redactor, rules);
        REQUIRE(made.has_value());
        auto found = verify_bundle(made->file);
        REQUIRE(found.has_value());
        verdict = *std::move(found);
        const std::string unpack =
            fmt::format("tar --zstd -xf {} -C {}", made->file.string(), state.path.string());
        REQUIRE(std::system(unpack.c_str()) == 0);
    }
    [[nodiscard]] fs::path run(const fs::path& folder) const {
        return root / "runs" / folder.filename();
    }
    /// By what is installed everywhere.
    [[nodiscard]] static bool sums_agree(const fs::path& folder) {
        const std::string check = fmt::format(
            "cd {} && sha256sum --quiet --strict -c SHA256SUMS > /dev/null 2>&1", folder.string()
        );
        return std::system(check.c_str()) == 0;
    }
    fs::path root;
    BundleVerdict verdict{};
};

std::vector<std::string> failing(const BundleVerdict& verdict) {
    std::vector<std::string> out;
    for (const Check& check : verdict.checks) {
        if (check.verdict != Verdict::pass) {
            out.push_back(check.id);
        }
    }
    return out;
}

std::string detail(const BundleVerdict& verdict, std::string_view id) {
    const auto found = std::ranges::find(verdict.checks, id, &Check::id);
    return found == verdict.checks.end() ? "" : found->detail;
}

} // namespace

TEST_CASE("bundle: the same runs give the same bytes, and it verifies") {
    const Scratch state;
    const auto a = failed_run(state);
    const auto b = state.ended();
    const Incident incident = incident_of({a, b});
    const auto first = write_bundle(incident, state.path / "1.tar.zst", {}, {});
    REQUIRE(first.has_value());
    fs::last_write_time(a / "report.md", fs::file_time_type::clock::now());
    const auto second = write_bundle(incident_of({b, a}), state.path / "2.tar.zst", {}, {});
    REQUIRE(second.has_value());
    CHECK(first->digest == second->digest);
    const auto found = verify_bundle(first->file);
    REQUIRE(found.has_value());
    CHECK(found->verdict() == Verdict::pass);
    CHECK(found->files == first->files);
    CHECK(found->checks.size() == 7); // archive, paths, sums, manifest, seals, two runs
    CHECK(detail(*found, "seals") == "2 runs were as they were sealed when this was made");
}

TEST_CASE("bundle: a full disk is named with its file and its reason, and nothing is left") {
    const Scratch state;
    const Incident incident = incident_of({failed_run(state)});
    const fs::path out = state.path / "b.tar.zst";
    REQUIRE(write_file_atomic(out, "an older one").has_value());
    const auto refused = [&] {
        const FullDisk disk(true, 512);
        return write_bundle(incident, out, {}, {});
    }();
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::io);
    CHECK(refused.error().where == out.string());
    CHECK(refused.error().message == "cannot write: File too large"); // of a full disk: its own
    CHECK(read_file(out).value() == "an older one");
    for (const auto& entry : fs::directory_iterator(state.path)) {
        CHECK_FALSE(entry.path().filename().string().contains(".tmp-"));
    }
    const fs::path nowhere = state.path / "no" / "b.tar.zst";
    const auto lost = write_bundle(incident, nowhere, {}, {});
    REQUIRE_FALSE(lost.has_value());
    CHECK(lost.error().where == nowhere.string());
    CHECK(lost.error().message == "cannot write: No such file or directory");
}

TEST_CASE("bundle: it replaces the file behind a link, and nothing that is no file") {
    const Scratch state;
    const Incident incident = incident_of({failed_run(state)});
    const fs::path file = state.path / "b.tar.zst", link = state.path / "link";
    REQUIRE(write_file_atomic(file, "an older one").has_value());
    fs::create_symlink(file.filename(), link);
    REQUIRE(write_bundle(incident, link, {}, {}).has_value());
    CHECK(fs::is_symlink(link));
    CHECK(verify_bundle(file).has_value());

    const fs::path pipe = state.path / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    for (const fs::path& no_file : {pipe, state.path}) {
        const auto refused = write_bundle(incident, no_file, {}, {});
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == Code::usage);
        CHECK(refused.error().where == no_file.string());
        CHECK(refused.error().message == "it is not a regular file");
    }
    CHECK(fs::is_fifo(pipe));
}

TEST_CASE("bundle: where a secret stands it is refused by file, line and kind; then redacted") {
    const Scratch state;
    Redactor redactor;
    redactor.add_known(Secret("correct-horse-battery"), "env:AUTH_TOKEN");
    const auto folder = failed_run(state);
    REQUIRE(write_file_atomic(folder / "streams/leak.sse", "x\n\ncorrect-horse-battery\n"));
    const fs::path out = state.path / "b.tar.zst";
    const auto refused = write_bundle(incident_of({folder}), out, redactor, {});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::precondition);
    CHECK(refused.error().where.ends_with("streams/leak.sse:3"));
    CHECK(refused.error().message.contains("line 3: known secret env:AUTH_TOKEN"));
    CHECK_FALSE(refused.error().text().contains("correct-horse"));
    CHECK(refused.error().hint.text().contains("--redact"));
    CHECK_FALSE(fs::exists(out));
    for (const auto& entry : fs::directory_iterator(state.path)) {
        CHECK_FALSE(entry.path().filename().string().contains(".tmp-"));
    }
    const auto made = write_bundle(incident_of({folder}), out, redactor, redacting());
    REQUIRE(made.has_value());
    REQUIRE(made->redacted.size() == 1);
    CHECK(made->redacted[0].line == 3);
    const auto found = verify_bundle(out);
    REQUIRE(found.has_value());
    CHECK(found->verdict() == Verdict::pass);
    CHECK(detail(*found, "seals") == "1 run was as it was sealed when this was made");
}

TEST_CASE("bundle: a run that was changed since its seal is refused unless it is asked for") {
    const Scratch state;
    const auto folder = failed_run(state);
    REQUIRE(write_file_atomic(folder / "report.md", "much better"));
    const fs::path out = state.path / "b.tar.zst";
    const auto refused = write_bundle(incident_of({folder}), out, {}, {});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::precondition);
    CHECK(refused.error().message.contains("CHANGED since the seal: report.md"));
    REQUIRE(write_bundle(incident_of({folder}), out, {}, {.accept_changed = true}).has_value());
    const auto found = verify_bundle(out);
    REQUIRE(found.has_value());
    CHECK(
        found->verdict() == Verdict::fail
    ); // the run's own seal is broken, and that stays visible
}

TEST_CASE("bundle: a run with a folder that cannot be read has a text and no bundle") {
    const Scratch state;
    const auto folder = failed_run(state);
    fs::permissions(state.path, fs::perms(0755));
    fs::permissions(folder / "streams", fs::perms::none);
    {
        const test::AsNobody nobody;
        const Incident incident = incident_of({folder});
        CHECK(incident_body(incident, {}).contains("CANNOT BE READ: streams"));
        const auto refused =
            write_bundle(incident, state.path / "b.tar.zst", {}, {.accept_changed = true});
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == Code::unreadable);
        CHECK(refused.error().where == (folder / "streams").string());
    }
    fs::permissions(folder / "streams", fs::perms(0755));
}

TEST_CASE("bundle: redaction makes no broken seal whole") {
    const Scratch state;
    Redactor redactor;
    redactor.add_known(Secret("correct-horse-battery"), "AUTH_TOKEN");
    const auto folder = failed_run(state);
    REQUIRE(add_note(folder, "correct-horse-battery", "ann").has_value());
    const auto sealed = read_file(folder / "run.json");
    REQUIRE(write_file_atomic(folder / "run.json", *sealed + " ").has_value());
    // Changed after the seal, and redacted: its sum stays broken as well.
    REQUIRE(write_file_atomic(folder / "report.md", "now correct-horse-battery\n").has_value());
    const BundleRules both{.redact = true, .accept_changed = true};
    const Unpacked at(state, incident_of({folder}, redactor), redactor, both);
    const auto inner = at.run(folder) / "SHA256SUMS";
    const std::string before = *read_file(folder / "SHA256SUMS");
    const std::string after = *read_file(inner);
    CHECK(after.starts_with(before));
    CHECK(after.ends_with("  report.md.redactions.json\n"));
    CHECK_FALSE(at.sums_agree(at.run(folder)));
    CHECK(at.sums_agree(at.root));
    CHECK(
        failing(at.verdict) ==
        std::vector<std::string>{"seals", "run " + folder.filename().string()}
    );
    CHECK(detail(at.verdict, "seals").contains("run.json was changed since its seal"));
}

TEST_CASE("bundle: what was sealed with a secret in it has a sum of its own after redaction") {
    const Scratch state;
    Redactor redactor;
    redactor.add_known(Secret("correct-horse-battery"), "AUTH_TOKEN");
    RunFolder run = state.open();
    run.write("report.md", "it was correct-horse-battery\n");
    run.write("other.md", "Bearer abcdefgh1234\n"); // has a sidecar already
    REQUIRE(run.finish({{"verdict", "PASS"}}).has_value());
    const Unpacked at(state, incident_of({run.path()}, redactor), redactor, {.redact = true});
    CHECK(at.sums_agree(at.run(run.path())));
    CHECK(failing(at.verdict).empty());
    const std::string text = *read_file(at.root / "incident.md");
    for (const std::string& file : {std::string("report.md"), std::string("SHA256SUMS")}) {
        CAPTURE(file);
        const std::string path = fmt::format("runs/{}/{}", run.path().filename().string(), file);
        CHECK(text.contains(fmt::format("{}  {}\n", *sha256_of_file(at.root / path), path)));
    }
    CHECK(
        *read_file(at.run(run.path()) / "SHA256SUMS.before-redaction") ==
        *read_file(run.path() / "SHA256SUMS")
    );
}

TEST_CASE("bundle: a file that is redacted once more keeps a sidecar with a right sum") {
    const Scratch state;
    RunFolder run = state.open();
    run.write("report.md", "Bearer abcdefgh1234, correct-horse-battery\n");
    REQUIRE(run.finish({{"verdict", "PASS"}}).has_value());
    Redactor redactor;
    redactor.add_known(Secret("correct-horse-battery"), "AUTH_TOKEN");
    const Unpacked at(state, incident_of({run.path()}, redactor), redactor, {.redact = true});
    CHECK(at.sums_agree(at.run(run.path())));
    CHECK(failing(at.verdict).empty());
}

TEST_CASE("bundle: a manifest that tells of a broken seal fails, whatever the sums say") {
    const Scratch state;
    Incident incident = incident_of({failed_run(state)});
    for (auto* list : {&incident.runs[0].sums.changed, &incident.runs[0].sums.missing}) {
        *list = {"plan.json"};
        const Unpacked at(state, incident, {}, {.accept_changed = true});
        CHECK(failing(at.verdict) == std::vector<std::string>{"seals"});
        list->clear();
    }
}

TEST_CASE("bundle: a secret in a file's name is refused, and what is said finds the file") {
    const Scratch state;
    Redactor redactor;
    redactor.add_known(Secret("correct-horse"), "AUTH_TOKEN");
    const auto folder = failed_run(state);
    REQUIRE(write_file_atomic(folder / "streams/correct-horse.sse", "correct-horse").has_value());
    for (const BundleRules& rules : {BundleRules{}, redacting()}) {
        const auto refused =
            write_bundle(incident_of({folder}), state.path / "b.tar.zst", redactor, rules);
        REQUIRE_FALSE(refused.has_value());
        const Error& error = refused.error();
        CHECK(error.code == Code::precondition);
        CHECK(error.where.ends_with("/streams/?????????????.sse"));
        CHECK(error.message.contains("known secret AUTH_TOKEN in the file name"));
        CHECK_FALSE(error.text().contains("correct-horse"));
        const std::string move = error.hint.text().substr(0, error.hint.text().find(','));
        CHECK(move.starts_with("mv " + folder.string()));
        REQUIRE(write_file_atomic(folder / "streams/correct-horse.sse", "harmless").has_value());
    }
    fs::rename(
        folder / "streams/correct-horse.sse", folder / "streams/a 'b'; correct-horse $(c).sse"
    );
    const auto refused =
        write_bundle(incident_of({folder}), state.path / "b.tar.zst", redactor, {});
    REQUIRE_FALSE(refused.has_value());
    REQUIRE(
        std::system(
            refused.error().hint.text().substr(0, refused.error().hint.text().find(',')).c_str()
        ) == 0
    );
    CHECK(write_bundle(incident_of({folder}), state.path / "b.tar.zst", redactor, {}).has_value());
}

TEST_CASE("bundle: a name that no sums and no archive can hold is refused at the beginning") {
    const auto odd = GENERATE(
        as<std::string>{}, "logs/two\nlines.log", "logs/back\\slash.log", "logs/latin-\xe9.log"
    );
    const Scratch state;
    const auto folder = failed_run(state);
    REQUIRE(write_file_atomic(folder / odd, "harmless").has_value());
    const fs::path out = state.path / "b.tar.zst";
    const auto refused = write_bundle(incident_of({folder}), out, {}, {.accept_changed = true});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::precondition);
    CHECK(refused.error().where == folder.string());
    CHECK(refused.error().message.starts_with("no bundle can hold a file of this name: logs/"));
    CHECK_FALSE(refused.error().text().contains('\n'));
    CHECK(refused.error().hint == "rename or remove it, then the same command");
    CHECK_FALSE(fs::exists(out));
    fs::remove(folder / odd);
    CHECK(write_bundle(incident_of({folder}), out, {}, {}).has_value());
}

TEST_CASE("bundle: a file that is too large is named at the beginning, with what to do") {
    const Scratch state;
    const auto folder = failed_run(state);
    const fs::path large = folder / "logs/huge.log";
    REQUIRE(write_file_atomic(large, "harmless").has_value());
    fs::resize_file(large, (std::uintmax_t{1} << 30U) + 1); // it takes no blocks
    const fs::path out = state.path / "b.tar.zst";
    const auto refused = write_bundle(incident_of({folder}), out, {}, {.accept_changed = true});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::precondition);
    CHECK(refused.error().where == large.string());
    CHECK(
        refused.error().message ==
        "no bundle can hold a file of more than 1 GiB: it has 1073741825 bytes"
    );
    CHECK(
        refused.error().hint == "move it out of there, then the same command with --accept-changed"
    );
    CHECK_FALSE(fs::exists(out));
    auto incident = incident_of({failed_run(state)});
    incident.logs = {large};
    const auto log = write_bundle(incident, out, {}, {});
    REQUIRE_FALSE(log.has_value());
    CHECK(log.error().hint == "give the part of it that matters");
}

TEST_CASE("bundle: what is split over deltas is found whatever the file is called") {
    const Scratch state;
    Redactor redactor;
    redactor.add_known(Secret("correct-horse"), "AUTH_TOKEN");
    const auto folder = failed_run(state);
    const std::string plain = "{\"text\":\"correct-\"}\n{\"text\":\"horse\"}\n";
    const std::string events = "\ndata: {\"text\":\"correct-\"}\n\ndata: {\"text\":\"horse\"}\n";
    const std::map<std::string, std::string> files{
        {"streams/completions-whole.first.json", events},
        {"streams/x.ndjson", plain},
        {"logs/lane.log", plain},
        {"measure/answer.json", events},
    };
    for (const auto& [file, text] : files) {
        CAPTURE(file);
        REQUIRE(write_file_atomic(folder / file, text).has_value());
        const auto refused =
            write_bundle(incident_of({folder}), state.path / "b.tar.zst", redactor, {});
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().message.contains(file + " line "));
        fs::remove(folder / file);
    }
    CHECK(find_in("report.md", plain, redactor).empty());
}

TEST_CASE("bundle: the name of a log that was handed in tells no secret") {
    const Scratch state;
    Redactor redactor;
    redactor.add_known(Secret("correct+horse"), "AUTH_TOKEN");
    const fs::path log = state.path / "correct+horse.log";
    REQUIRE(write_file_atomic(log, "2026-01-01T00:00:00Z hello\n").has_value());
    Incident incident = incident_of({failed_run(state)}, redactor);
    incident.logs = {log};
    const Unpacked at(state, incident, redactor, {});
    CHECK(fs::exists(at.root / "logs/1-_____________.log"));
    CHECK(failing(at.verdict).empty());
}

TEST_CASE("bundle: a secret in the text of a run's sums is found like any other") {
    const Scratch state;
    Redactor redactor;
    redactor.add_known(Secret("correct-horse"), "AUTH_TOKEN");
    const auto folder = failed_run(state);
    std::ofstream(folder / "SHA256SUMS", std::ios::app) << "correct-horse\n";
    const BundleRules accepting{.accept_changed = true};
    const Incident incident = incident_of({folder}, redactor);
    const auto refused = write_bundle(incident, state.path / "b.tar.zst", redactor, accepting);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message.contains("/SHA256SUMS line "));
    const Unpacked at(state, incident, redactor, {.redact = true, .accept_changed = true});
    for (const char* file : {"SHA256SUMS", "SHA256SUMS.before-redaction"}) {
        CHECK(read_file(at.run(folder) / file)->contains("\n*************\n"));
    }
    CHECK(
        failing(at.verdict) ==
        std::vector<std::string>{"seals", "run " + folder.filename().string()}
    );
}

TEST_CASE("bundle: a run whose seal is damaged is refused as changed, and told when it is taken") {
    const Scratch state;
    const auto folder = failed_run(state);
    std::ofstream(folder / "SHA256SUMS", std::ios::app) << "a stray line\n";
    const Incident incident = incident_of({folder});
    CHECK(incident_body(incident, {}).contains("CHANGED since the seal: SHA256SUMS: line "));
    const auto refused = write_bundle(incident, state.path / "b.tar.zst", {}, {});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().hint.text().contains("--accept-changed"));
    const Unpacked at(state, incident, {}, {.accept_changed = true});
    CHECK(at.verdict.verdict() == Verdict::fail);
}

TEST_CASE("bundle: a run that would lose a file behind a link, or lists one twice, is refused") {
    const Scratch state;
    const auto folder = failed_run(state);
    const std::string sums = *read_file(folder / "SHA256SUMS");
    std::ofstream(folder / "SHA256SUMS", std::ios::app) << sums.substr(0, sums.find('\n') + 1);
    fs::rename(folder / "measure", state.path / "m");
    fs::create_symlink(state.path / "m", folder / "measure");
    const Incident incident = incident_of({folder});
    const auto refused = write_bundle(incident, state.path / "b.tar.zst", {}, {});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::precondition);
    CHECK(refused.error().message.contains("MISSING since the seal: measure/samples.ndjson"));
    CHECK(refused.error().message.contains("added since the seal: measure"));
    const Unpacked at(state, incident, {}, {.accept_changed = true});
    const std::string run = "run " + folder.filename().string();
    CHECK(failing(at.verdict) == std::vector<std::string>{"seals", run});
    CHECK(detail(at.verdict, run).contains(" is listed twice"));
    CHECK(detail(at.verdict, run).contains("measure/samples.ndjson is missing"));
}

TEST_CASE("bundle: a damaged one is never whole") {
    const Scratch state;
    const auto folder = failed_run(state);
    const auto made = write_bundle(incident_of({folder}), state.path / "b.tar.zst", {}, {});
    REQUIRE(made.has_value());
    const std::string bytes = *read_file(made->file);
    const fs::path bad = state.path / "bad.tar.zst";
    for (const std::size_t length : {bytes.size() / 2, bytes.size() - 1}) {
        REQUIRE(write_file_atomic(bad, bytes.substr(0, length)).has_value());
        const auto found = verify_bundle(bad);
        REQUIRE(found.has_value());
        CHECK(found->verdict() == Verdict::fail);
        CHECK(detail(*found, "archive") == "damaged: cut short, copy it again");
    }
    REQUIRE(write_file_atomic(bad, "no archive at all").has_value());
    for (const fs::path& file : {bad, state.path / "absent"}) {
        const auto found = verify_bundle(file);
        REQUIRE_FALSE(found.has_value());
        CHECK(found.error().code == Code::unreadable);
    }
}

TEST_CASE("bundle: a run that was sealed has its seal in it") {
    const Scratch state;
    const auto folder = failed_run(state);
    const Unpacked at(state, incident_of({folder}), {}, {});
    REQUIRE(at.verdict.verdict() == Verdict::pass);
    const auto pack = fmt::format(
        "cd {} && rm runs/*/SHA256SUMS && sed -i '/SHA256SUMS/d' SHA256SUMS && cd .. && "
        "tar --zstd -cf x.tar.zst {}",
        at.root.string(),
        at.root.filename().string()
    );
    REQUIRE(std::system(pack.c_str()) == 0);
    const auto found = verify_bundle(state.path / "x.tar.zst");
    REQUIRE(found.has_value());
    CHECK(failing(*found) == std::vector<std::string>{"seals"});
    CHECK(detail(*found, "seals") == folder.filename().string() + ": its seal is missing");
}

TEST_CASE("bundle: a seal that lost its lines says so") {
    const Scratch state;
    const auto folder = failed_run(state);
    const Incident whole = incident_of({folder});
    REQUIRE(write_file_atomic(folder / "SHA256SUMS", "").has_value());
    CHECK_FALSE(write_bundle(incident_of({folder}), state.path / "b.tar.zst", {}, {}).has_value());
    const Unpacked at(state, whole, {}, {}); // of one that did not look
    CHECK(failing(at.verdict) == std::vector{"run " + folder.filename().string()});
    CHECK(detail(at.verdict, "run " + folder.filename().string()).contains("run.json is not listed")
    );
}

TEST_CASE("bundle: no name of one that a stranger made reaches a terminal raw") {
    const Scratch state;
    const std::string evil = "\x1b]0;owned\x07";
    const fs::path root = state.path / ("incident" + evil);
    const fs::path folder = root / "runs" / evil;
    fs::create_directories(folder);
    for (const fs::path& file : {folder / evil, state.path / evil}) {
        REQUIRE(write_file_atomic(file, "x").has_value());
    }
    const std::string sums =
        std::string(64, 'a') + "  absent" + evil + "\n" + std::string(64, 'b') + "  " + evil + "\n";
    REQUIRE(write_file_atomic(root / "SHA256SUMS", sums).has_value());
    REQUIRE(write_file_atomic(folder / "SHA256SUMS", sums).has_value());
    const std::string pack = fmt::format(
        "cd {} && tar --zstd -cf b.tar.zst incident* $(printf '\\033]0;owned\\007')",
        state.path.string()
    );
    REQUIRE(std::system(pack.c_str()) == 0);
    const auto found = verify_bundle(state.path / "b.tar.zst");
    REQUIRE(found.has_value());
    CHECK(found->verdict() == Verdict::fail);
    CHECK(found->checks.size() == 5);
    for (const Check& check : found->checks) {
        CAPTURE(check.id, check.detail);
        CHECK_FALSE((check.id + check.detail).contains('\x1b'));
    }
}

TEST_CASE("bundle: nothing may stand behind its end") {
    const Scratch state;
    const auto made =
        write_bundle(incident_of({failed_run(state)}), state.path / "b.tar.zst", {}, {});
    REQUIRE(made.has_value());
    const std::string frame = *read_file(made->file);
    const std::string in = "cd " + state.path.string() + " && ";
    REQUIRE(
        std::system(
            (in + "zstd -dq b.tar.zst -o b.tar && head -c 2000000 /dev/zero > zeros").c_str()
        ) == 0
    );
    struct Row {
        const char* name;
        const char* make; ///< of b.tar
        bool pass;
    };
    for (const Row& row : {
             Row{"the same, packed again", "cat b.tar | zstd -q > x", true},
             Row{"filled up as tar may", "(cat b.tar; head -c 100000 zeros) | zstd -q > x", true},
             Row{"a second tar", "cat b.tar b.tar | zstd -q > x", false},
             Row{"one byte", "(cat b.tar; head -c 9999 zeros; echo x) | zstd -q > x", false},
             Row{"far too many zeros", "cat b.tar zeros | zstd -q > x", false},
             Row{"a second frame", "cat b.tar.zst b.tar.zst > x", false},
             Row{"an empty frame", "(cat b.tar.zst; zstd -q < /dev/null) > x", false},
             Row{"other bytes", "(cat b.tar.zst; echo x) > x", false},
         }) {
        CAPTURE(row.name);
        REQUIRE(std::system((in + row.make).c_str()) == 0);
        const auto found = verify_bundle(state.path / "x");
        REQUIRE(found.has_value());
        CHECK((found->verdict() == Verdict::pass) == row.pass);
        CHECK(detail(*found, "archive").contains("after its end") != row.pass);
    }
}

TEST_CASE("bundle: sums and a manifest that fill the memory are not kept") {
    const Scratch state;
    const fs::path root = state.path / "incident-x";
    for (const auto* run : {"a", "b"}) {
        const fs::path sums = root / "runs" / run / "SHA256SUMS";
        fs::create_directories(sums.parent_path());
        REQUIRE(write_file_atomic(sums, "").has_value());
        fs::resize_file(sums, std::uintmax_t{33} << 20U); // two of them are beyond the limit
    }
    const auto pack =
        fmt::format("cd {} && tar --zstd -cf b.tar.zst incident-x", state.path.string());
    REQUIRE(std::system(pack.c_str()) == 0);
    const auto found = verify_bundle(state.path / "b.tar.zst");
    REQUIRE(found.has_value());
    CHECK(detail(*found, "paths").contains("sums and manifest of more than 64 MiB in all"));
    CHECK(std::ranges::count_if(found->checks, [](const Check& check) {
              return check.id.starts_with("run ");
          }) == 1);
}
