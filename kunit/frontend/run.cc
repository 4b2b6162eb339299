// SPDX-License-Identifier: GPL-2.0
// Runs case files, each in a process of its own.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>

#include "cases.h"
#include "data.h"
#include "machine.h"

namespace frontend {

namespace {

constexpr unsigned kLongestSeconds = 100;  // for a case

// Does the backend serve a frontend that behaves?
void serve(uint32_t vdev, bool settled) {
  Frontend frontend(vdev);
  if (!settled) frontend.settle();
  frontend.connect({});
  Data data(frontend, 1);
  // Sector 0 belongs to this check; a disk may be read-only.
  const bool writable = (frontend.property("info") & 4) == 0;
  data.fill(0x7000);
  if (writable) EXPECT(frontend.run(data.request(kWrite, 0)) == kOkay, "a write failed");
  data.clear();
  EXPECT(frontend.run(data.request(kRead, 0)) == kOkay, "a read failed");
  EXPECT(!writable || data.holds(0x7000), "what was read is not what was written");
  frontend.close();
}

// Runs `work` in a process of its own, whose output goes to `file`.  Returns its status.
template <typename Work>
int in_child(std::FILE* file, Work work) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child < 0) die("fork failed");
  if (child == 0) {
    dup2(fileno(file), STDOUT_FILENO);
    work();
    std::fflush(stdout);
    _Exit(0);
  }
  int status;
  if (waitpid(child, &status, 0) != child) die("waitpid failed");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string last_line(std::FILE* file) {
  std::string text;
  std::rewind(file);
  for (int c; (c = std::fgetc(file)) != EOF;) text += static_cast<char>(c);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const size_t line = text.rfind('\n');
  text = line == std::string::npos ? text : text.substr(line + 1);
  return text.rfind("FAILED: ", 0) == 0 ? text.substr(8) : text;
}

std::string name_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string file = slash == std::string::npos ? path : path.substr(slash + 1);
  return file.substr(0, file.rfind(".case"));
}

}  // namespace

int run_files(uint32_t vdev, const std::vector<std::string>& paths) {
  int failed = 0;
  for (const std::string& path : paths) {
    const std::string name = name_of(path);
    std::ifstream stream(path);
    const std::string text((std::istreambuf_iterator<char>(stream)),
                           std::istreambuf_iterator<char>());
    CaseFile file;
    std::string error;
    if (!stream || !parse_case(name, text, file, error)) {
      std::printf("FAILED %s: %s\n", name.c_str(), stream ? error.c_str() : "cannot be read");
      ++failed;
      continue;
    }
    const double began = now();
    const bool last = &path == &paths.back();
    std::FILE* said = std::tmpfile();
    const int status = in_child(said, [&] {
      alarm(kLongestSeconds);
      Frontend frontend(vdev);
      Machine(frontend, file).run();
    });
    const bool passed = status == 0 || status == kLeft;
    std::string complaint = passed ? "" : last_line(said);
    if (status == 128 + SIGALRM) complaint = "it did not end within 100 s";
    if (status >= 128) complaint += " (signal " + std::to_string(status - 128) + ")";
    std::fclose(said);
    said = std::tmpfile();
    // The next case connects, too: a case that ended well needs this check only when it is
    // the last one.
    const bool serves =
        (status == 0 && !last) || in_child(said, [&] { serve(vdev, status == 0); }) == 0;
    if (passed && serves) {
      std::printf("ok %s %.1f\n", name.c_str(), now() - began);
    } else {
      ++failed;
      if (!passed) std::printf("FAILED %s: %s\n", name.c_str(), complaint.c_str());
      // The caller must attach the disk anew.
      if (!serves) {
        std::printf("LOST %s: %s\n", name.c_str(), last_line(said).c_str());
        return 3;
      }
    }
    std::fclose(said);
  }
  return failed == 0 ? 0 : 1;
}

}  // namespace frontend
