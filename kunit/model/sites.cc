// SPDX-License-Identifier: GPL-2.0
#include "sites.h"

#include <cstdio>
#include <map>
#include <utility>

#include "explore.h"
#include "trace.h"

namespace model {
namespace {

std::map<const void*, Site> sites;
const void* outer_caller;

}  // namespace

Site& site_of(const void* caller, const char* what, int order) {
  const auto found = sites.find(caller);
  if (found != sites.end() && found->second.what != nullptr) return found->second;
  Site& site = sites[caller];
  site.what = what;
  site.order = order;
  return site;
}

bool weakened(const Site& site, const char* what, int order) {
  const void* outer = std::exchange(outer_caller, nullptr);
  bool weak = site.weak;
  if (outer != nullptr) {
    Site& call = site_of(outer, what, order);
    call.shared = true;
    weak |= call.weak;
  }
  return weak;
}

void forget_caller() { outer_caller = nullptr; }

void called_from(const void* caller) { outer_caller = caller; }

void weaken(const void* caller) { sites[caller].weak = true; }

void print_sites() {
  for (const auto& [caller, site] : sites) {
    if (site.what == nullptr) continue;
    std::printf("site %p %s %s %s\n", caller, site.what, order_name(site.order),
                site.shared ? "shared" : "local");
  }
}

}  // namespace model
