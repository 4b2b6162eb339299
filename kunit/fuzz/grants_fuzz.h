// SPDX-License-Identifier: GPL-2.0
// A mapper, its persistent grants and their purger, compared with a model.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "fake_host/fake_host.h"
#include "fuzz/grants_model.h"
#include "fuzz/input.h"
#include "grant/mapper.h"
#include "grant/purger.h"
#include "support/account.h"
#include "support/guest.h"

namespace fuzz {

class GrantsFuzz {
 public:
  explicit GrantsFuzz(Input& input);
  ~GrantsFuzz();
  GrantsFuzz(const GrantsFuzz&) = delete;
  GrantsFuzz& operator=(const GrantsFuzz&) = delete;

  void run();

 private:
  static constexpr uint32_t kGrefs = 28;  // the last four are read-only

  struct Job : blkback::GrantJob {
    blkback::GrantUse grants[11];
  };
  struct Foreseen {
    blkback::GrantJob::Outcome outcome;
    blkback::GrantUse::State states[11];
  };
  using Jobs = std::vector<blkback::GrantJob*>;

  void step();
  void map();
  void release();
  void release_jobs(size_t first, size_t count);
  void borrow();
  void give_back();
  void purge_due();
  void purge_idle();
  void hand_over(blkback::PersistentGrantList& purged, const std::vector<uint32_t>& expected);
  void run_purger(uint64_t ms);
  void trouble();
  void hold_page();
  void change_limits();
  void end();

  // Predicts from the model what Mapper::map() must do with the jobs.
  void foresee(const Jobs& jobs);
  void foresee_wait(const blkback::GrantJob& job, Foreseen& foreseen,
                    blkback::GrantJob::Outcome outcome);
  void foresee_pages(const Jobs& jobs, uint32_t missing);
  [[nodiscard]] bool foresee_get(uint32_t wanted);
  [[nodiscard]] bool foresee_mappings(const Jobs& jobs);
  [[nodiscard]] bool foresee_map(const Jobs& jobs, uint32_t missing);
  [[nodiscard]] uint32_t foresee_look_up(const blkback::GrantJob& job, Foreseen& foreseen);
  [[nodiscard]] uint32_t foresee_give_back(const Jobs& jobs);
  [[nodiscard]] uint32_t foresee_second_choice(const Jobs& jobs, uint32_t handles);
  [[nodiscard]] bool foresee_mapping(const Job& job, uint32_t gref) const;
  void compare(const Jobs& jobs);
  void check_counts();

  Input& input_;
  blkback::Mapper::Persistence persistence_;
  kunit::Guest guest_{kunit::Layout::kX86_64};
  uint32_t first_gref_ = 0;
  host_thread waiter_{};
  blkback::LogLimits log_limits_;
  kunit::TestPool pool_;
  blkback::Mapper mapper_;
  blkback::Purger purger_;

  GrantsModel model_;
  GrantsModel::Limits limits_{100, 60000};
  std::vector<std::unique_ptr<Job>> jobs_;  // mapped
  std::vector<Foreseen> foreseen_;
  // After the predicted calls: free pages in the pool, pages left in the host, handles
  // left in the hypervisor.
  uint32_t free_ = 0;
  uint32_t left_ = 0;
  uint32_t handles_ = 0;
  // The last refusals, as PagePool (pages of the host) and Mapper (handles of the
  // hypervisor) remember them.
  uint64_t dry_until_ms_ = 0;
  uint32_t dry_ms_ = 0;
  uint32_t dry_pages_ = 0;
  uint32_t refused_grants_ = 0;
  uint64_t refused_ms_ = 0;
  std::vector<blkback::PersistentGrant*> borrowed_;
  std::vector<host_page*> purging_;
  std::vector<host_page*> busy_;
};

}  // namespace fuzz
