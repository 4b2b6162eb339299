// SPDX-License-Identifier: GPL-2.0
// The end of each run of the state machine's fuzz target.
#include "fuzz/device_fuzz.h"
#include "fuzz/require.h"

namespace fuzz {

using fake::host;
using kunit::ask;

void DeviceFuzz::calm() {
  host().interrupt_at = 0;
  host().work_interrupt_at = 0;
  host().fail_call = 0;
  host().failing.clear();
  host().pages_left = UINT32_MAX;
  host().handles_left = UINT32_MAX;
  host().open_error = 0;
  host().sync_error = 0;
  host().io_error = 0;
  host().disk_gone = false;
  host().hold_io = false;
  host().complete_all();
  // In this time the requests that wait for pages or handles are tried again and end.
  host().sleep(10000);
}

void DeviceFuzz::connect(Xenbus& bus) {
  bus.state_watch();  // unbinds a device that is closed for good
  host().sleep(10);
  if (!bus.bound()) {
    bus.mend_backend();
    bus.bind(Xenbus::By::kWatchThread);
    require(bus.bound(), "with memory a device is created");
    host().run();
  }
  bus.mend_backend();
  host().run();
  bus.frontend_state(HOST_XENBUS_CLOSED);
  host().run();
  require(bus.device().state == HOST_XENBUS_CLOSED, "a closed frontend is let go");
  bus.frontend_state(HOST_XENBUS_INITIALISING);
  host().run();
  require(bus.device().state == HOST_XENBUS_INIT_WAIT, "a fresh frontend is waited for");
  bus.offer();
  bus.frontend_state(HOST_XENBUS_INITIALISED);
  host().run();
  require(bus.device().state == HOST_XENBUS_CONNECTED, "a good frontend is connected");
  bus.frontend_state(HOST_XENBUS_CONNECTED);
  for (uint32_t i = 0; i < bus.setup().queues; ++i) {
    kunit::Guest& guest = bus.guest(i);
    guest.send(ask(BLKIF_OP_READ, 1, 0, {{guest.grant()}}));
    host().run();
    require(guest.status_of(1) == BLKIF_RSP_OKAY, "a good frontend is served");
  }
  bus.check_statistics();
}

void DeviceFuzz::end() {
  const uint8_t how = input_.byte();
  if ((how & 1) == 0) {
    calm();
    host().parameters = fake::Host().parameters;
    host().geometry = fake::Host().geometry;
    driver_parameters_changed();
    for (auto& bus : buses_) connect(*bus);
  }
  if ((how & 2) != 0) {
    for (auto& bus : buses_) bus->frontend_state(HOST_XENBUS_CLOSING);
    host().run();
  }
  for (auto& bus : buses_) bus->unbind(Xenbus::By::kWatchThread);
  if ((how & 4) != 0) host().sleep(10000);
  calm();
  for (const auto& bus : buses_) {
    require(bus->all_released(), "a device that was removed is released");
  }
}

}  // namespace fuzz
