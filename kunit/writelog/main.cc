// SPDX-License-Identifier: GPL-2.0
// Reads logs of dm-log-writes, and helps to make some that can be judged.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "journal.h"
#include "judge.h"
#include "replay.h"
#include "serve.h"

namespace {

constexpr char kUsage[] =
    "usage: writelog COMMAND\n"
    "  serve DISK DOMAIN COMMAND     in dom0: makes the marks that the domain asks for\n"
    "  judge LOG                     of the frontend's case \"durable\"\n"
    "  points LOG                    where the disk may lose its cache\n"
    "  replay LOG IMAGE FROM TO      entries FROM to TO, TO not included\n"
    "  journal FOLDER COUNT          in a guest: writes records to a file system\n"
    "  check FOLDER ACKNOWLEDGED     are all acknowledged records there?\n";

uint64_t number(const char* text) { return std::strtoull(text, nullptr, 10); }

}  // namespace

int main(int argc, char** argv) {
  using namespace writelog;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const auto is = [&](const char* command, int arguments) {
    return argc == arguments + 2 && std::strcmp(argv[1], command) == 0;
  };
  if (is("serve", 3)) serve(argv[2], argv[3], argv[4]);
  if (is("judge", 1)) return judge(Log(argv[2])) ? 0 : 1;
  if (is("points", 1)) return print_points(Log(argv[2])), 0;
  if (is("replay", 4)) return replay(Log(argv[2]), argv[3], number(argv[4]), number(argv[5])), 0;
  if (is("journal", 2)) return write_journal(argv[2], number(argv[3])) ? 0 : 1;
  if (is("check", 2)) return check_journal(argv[2], number(argv[3])) ? 0 : 1;
  std::fputs(kUsage, stderr);
  return 2;
}
