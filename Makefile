# SPDX-License-Identifier: GPL-2.0
#
# The targets people type; "make help" lists them.

KDIR ?= /lib/modules/$(shell uname -r)/build
BUILD := $(CURDIR)/build
JOBS ?= $(shell nproc)

# All checkouts share one ccache, whatever folder they are in.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/xen-blkback
export CCACHE_DIR ?= $(CACHE)/ccache
export CCACHE_BASEDIR ?= $(CURDIR)
export CCACHE_NOHASHDIR ?= 1

.PHONY: all install demo check check-all check-quick check-debug-dom0 check-debian-dom0 features check-unit check-threads check-model check-kunit check-lab \
	check-static check-fuzz format \
	mutants fuzz soak coverage bench-quick profile hooks dist deb \
	clean help FORCE

all:
	@scripts/setup/packages.sh build
	@scripts/build/module.sh "$(KDIR)" "$(BUILD)/module" -j$(JOBS) \
		$(if $(DEBUG),BLKBACK_DEBUG=1 CONFIG_DEBUG_INFO_BTF_MODULES=)
	@cp -p "$(BUILD)/module/xen-blkback.ko" xen-blkback.ko
	@echo "xen-blkback.ko: $$(modinfo -F vermagic xen-blkback.ko)"

install: all
	@scripts/build/install.sh xen-blkback.ko

demo:
	@scripts/demo.sh

check:
	@scripts/check.sh

features:
	@scripts/features.sh build/check/lab-*.log >Documentation/features.new
	@mv Documentation/features.new Documentation/features.md

check-all:
	@scripts/check.sh all

check-quick:
	@scripts/check.sh quick

# SHARE=2/4 runs the second quarter of the scenarios.
check-debug-dom0:
	@SHARE=$(SHARE) scripts/check.sh debug-dom0

check-debian-dom0: deb
	@scripts/setup/packages.sh lab debian
	@scripts/lab/debian/check

check-unit:
	@scripts/setup/packages.sh unit
	@$(MAKE) --no-print-directory -C kunit check BUILD="$(BUILD)/kunit"

check-static:
	@scripts/setup/packages.sh static
	@JOBS=$(JOBS) scripts/build/static-check.sh

format:
	@scripts/setup/packages.sh static
	@scripts/build/static-check.sh --format

check-threads:
	@scripts/setup/packages.sh unit
	@$(MAKE) --no-print-directory -C kunit check-threads BUILD="$(BUILD)/kunit"

check-model:
	@scripts/setup/packages.sh unit model
	@$(MAKE) --no-print-directory -C kunit/model check BUILD="$(BUILD)/kunit/model"

FLAVOUR ?= kasan
check-kunit:
	@scripts/setup/packages.sh build lab kernel
	@JOBS=$(JOBS) scripts/kunit/check.sh "$(FLAVOUR)" $(if $(FILTER),'$(FILTER)')

KERNEL ?= 6.1
check-lab:
	@[ -n "$(NAMES)" ] || { echo "make check-lab NAMES='SCENARIO ...' [KERNEL=6.1]; scripts/lab/lab list tells them"; exit 1; }
	@scripts/setup/packages.sh build lab kernel $(if $(filter 7.%,$(KERNEL)),suites)
	@scripts/build/module.sh "$$(scripts/setup/kernel.sh $(KERNEL) kdir)" "$(BUILD)/$(KERNEL)" -j$(JOBS)
	@scripts/lab/lab run --kernel $(KERNEL) $(NAMES)

mutants:
	@scripts/setup/packages.sh unit mutants
	@scripts/mutate.py $(if $(SEED),--seed $(SEED)) --count $(or $(COUNT),100)

check-fuzz:
	@scripts/setup/packages.sh fuzz
	@$(MAKE) --no-print-directory -C kunit/fuzz check BUILD="$(BUILD)/fuzz"

SECONDS ?= 60
fuzz:
	@scripts/setup/packages.sh fuzz
	@$(MAKE) --no-print-directory -C kunit/fuzz fuzz BUILD="$(BUILD)/fuzz" SECONDS="$(SECONDS)"

coverage:
	@scripts/setup/packages.sh unit fuzz
	@$(MAKE) --no-print-directory -C kunit/fuzz coverage BUILD="$(BUILD)/fuzz"

bench-quick:
	@scripts/bench/quick.sh

soak:
	@HOURS="$(HOURS)" KERNELS="$(KERNELS)" SEED="$(SEED)" PROGRAMS="$(PROGRAMS)" scripts/lab/soak

profile:
	@KERNEL="$(KERNEL)" CELLS="$(CELLS)" scripts/bench/profile.sh

# For editors and clang's tools: how the core and its cases are compiled in user space.
compile_commands.json: FORCE
	@scripts/setup/packages.sh unit
	@scripts/build/compile-commands.sh >$@.new
	@mv $@.new $@

hooks:
	@scripts/setup/packages.sh unit static
	@scripts/setup/hooks.sh

dist:
	@scripts/packaging/dist.sh "$(BUILD)/xen-blkback-$$(scripts/packaging/dkms-tree.sh --version).tar.xz"

deb:
	@scripts/setup/packages.sh deb
	@scripts/packaging/deb.sh

clean:
	rm -rf "$(BUILD)" xen-blkback.ko compile_commands.json

help:
	@echo "make             build xen-blkback.ko for the running kernel, or for KDIR=... (DEBUG=1: symbols of C++)"
	@echo "make install     install it for that kernel, in place of the kernel's own"
	@echo "make demo        boot Xen on an emulator and show a guest's disk being served"
	@echo "make check       all tests"
	@echo "make check-quick what runs in user space, KUnit, the main scenarios on one kernel"
	@echo "make check-all   all tests, each scenario on each kernel, and rare ones"
	@echo "make check-debug-dom0  a quarter of the scenarios (SHARE=1/4) with lockdep and kmemleak in dom0"
	@echo "make check-debian-dom0  install the packages on Debian 12, boot it as dom0, upgrade its kernel, remove them"
	@echo "make check-unit  the tests in user space alone (seconds; FILTER='QueueBatch.*' runs some)"
	@echo "make check-static what tools find in the sources without running them"
	@echo "make format      lay C and C++ out as .clang-format says"
	@echo "make check-kunit the same cases, and those of the C side, in a kernel with KASAN (FLAVOUR=kcsan, FILTER=)"
	@echo "make check-lab   scenarios on real Xen: NAMES='fio_verify reconnect' KERNEL=6.12"
	@echo "make check-threads  those with real threads, under ThreadSanitizer (seconds)"
	@echo "make check-model  the memory orders of the rings and threads, on a model of a weak memory (a minute)"
	@echo "make mutants     100 mistakes in the core: do the tests notice? (SEED=, COUNT=)"
	@echo "make check-fuzz  the fuzz targets over their corpus, once (seconds)"
	@echo "make fuzz        fuzz each target for SECONDS=60"
	@echo "make coverage    what the cases and the corpus reach of the core"
	@echo "make bench-quick compare with the kernel's own driver, in instructions"
	@echo "make soak        programs of a hostile frontend from ever new seeds (HOURS=, KERNELS=, SEED=, PROGRAMS=)"
	@echo "make profile     count dom0's instructions by function (KERNEL=, CELLS='randread:4k:32'): Documentation/performance.md"
	@echo "make features    make Documentation/features.md from what the last check said"
	@echo "make hooks       check layout, scripts and the cases before each commit"
	@echo "make compile_commands.json  tell editors how the core is compiled"
	@echo "make dist        a source archive of this version, in build/"
	@echo "make deb         Debian packages in build/deb: xen-blkback-dkms, xen-blkback-tools"
	@echo "make clean       remove what was built here"
