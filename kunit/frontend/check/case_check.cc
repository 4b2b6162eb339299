// SPDX-License-Identifier: GPL-2.0
// Checks case files on the machine that builds.
//
// usage: case-check FILE...       prints what is wrong, one line for each file
//        case-check --list FILE...  prints "NAME|DISK|COVERS|SHOWS" for each file
//        case-check --language    prints the statements
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "language.h"

int main(int argc, char** argv) {
  using namespace frontend;
  const bool list = argc > 1 && std::strcmp(argv[1], "--list") == 0;
  if (argc > 1 && std::strcmp(argv[1], "--language") == 0) {
    print_language();
    return 0;
  }
  int wrong = 0, checked = 0;
  for (int i = list ? 2 : 1; i < argc; ++i) {
    std::ifstream stream(argv[i]);
    const std::string text((std::istreambuf_iterator<char>(stream)),
                           std::istreambuf_iterator<char>());
    CaseFile file;
    std::string error;
    ++checked;
    if (!stream || !parse_case(argv[i], text, file, error)) {
      std::printf("%s\n",
                  stream ? error.c_str() : (std::string(argv[i]) + ": cannot be read").c_str());
      ++wrong;
    } else if (list) {
      std::string name = argv[i];
      name = name.substr(name.rfind('/') + 1);
      name = name.substr(0, name.rfind('.'));
      std::string covers;
      for (const std::string& one : file.covers) covers += (covers.empty() ? "" : " ") + one;
      std::printf("%s|%s|%s|%s\n", name.c_str(), file.disk.c_str(), covers.c_str(),
                  file.shows.c_str());
    }
  }
  return wrong != 0 || checked == 0;
}
