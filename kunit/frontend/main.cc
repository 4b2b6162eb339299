// SPDX-License-Identifier: GPL-2.0
// Runs one case against the backend of one disk.  Prints what it saw; ends with
// status 0 when all was as the protocol says.
//
// usage: frontend CASE VDEV [ARGUMENT]      (VDEV as in xenstore: 51728 is xvdb)
//        frontend run VDEV FILE...          case files in the language of language.h
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cases.h"

int main(int argc, char** argv) {
  using namespace frontend;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (argc > 3 && std::strcmp(argv[1], "run") == 0) {
    return run_files(static_cast<uint32_t>(std::strtoul(argv[2], nullptr, 10)),
                     std::vector<std::string>(argv + 3, argv + argc));
  }
  for (const Case& known : kCases) {
    if (argc < 3 || std::strcmp(argv[1], known.name) != 0) continue;
    check_kernel_log();
    Frontend frontend(static_cast<uint32_t>(std::strtoul(argv[2], nullptr, 10)));
    known.run(frontend, argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 0);
    std::puts("all as it should be");
    return 0;
  }
  std::puts("usage: frontend CASE VDEV [ARGUMENT], or frontend run VDEV FILE...; cases:");
  for (const Case& known : kCases) std::printf("  %-12s %s\n", known.name, known.what);
  return 2;
}
