# SPDX-License-Identifier: GPL-2.0
#
# The C++ core: its objects, and the rule that compiles them with the kernel's
# own flags.  The Kbuild of each module that links the core sets blkback-dir and
# includes this file.

blkback-core := \
	src/request_path.o \
	src/base/account.o \
	src/grant/purger.o \
	src/queue/write_order.o \
	src/queue/bounce.o \
	src/queue/indirect_buffers.o \
	src/queue/trace.o \
	src/queue/shortage.o \
	src/queue/queue_inspection.o \
	src/device/text.o \
	src/device/frontend.o \
	src/device/backend.o \
	src/device/next_step.o \
	src/device/offer.o \
	src/device/outlook.o \
	src/device/connection.o \
	src/device/thread_nodes.o \
	src/device/guest_account.o \
	src/device/charge.o \
	src/device/registry.o \
	src/device/device.o \
	src/device/device_disk.o \
	src/device/device_connect.o \
	src/device/driver.o

# The g++ of the kernel's own gcc: CC may begin with ccache, and folders of its path
# may be called gcc.  XEN_HEADERS may name a folder that holds xen/io/blkif.h where
# libxen-dev is not installed; a source package brings one.
blkback-cc := $(lastword $(filter-out -%,$(CC)))
blkback-cc-name := $(notdir $(blkback-cc))
BLKBACK_CXX ?= $(patsubst %$(blkback-cc-name),%,$(blkback-cc))$(subst gcc,g++,$(blkback-cc-name))
XEN_HEADERS ?= $(wildcard $(blkback-dir)/xen-headers)
ifeq ($(shell command -v $(BLKBACK_CXX)),)
$(error xen-blkback: no $(BLKBACK_CXX), which belongs to the compiler of this kernel, $(CC): \
	install $(subst x86_64-linux-gnu-,,$(notdir $(BLKBACK_CXX))), or name one with BLKBACK_CXX=)
endif
BLKBACK_CXX_LAUNCHER ?=

# Flags of the kernel that C++ does not know or that bring in kernel headers.
blkback-c-only := -std=% -Wstrict-prototypes -Wmissing-prototypes -Wold-style-declaration \
	-Wno-pointer-sign -Wdeclaration-after-statement -Werror=strict-prototypes \
	-Werror=implicit-int -Werror=implicit-function-declaration -Werror=designated-init \
	-Werror=incompatible-pointer-types -Wnested-externs -Wmissing-declarations \
	-Wold-style-definition -Wunused-but-set-parameter -Wno-override-init \
	-Wno-override-init-side-effects -Wno-initializer-overrides -Wno-missing-prototypes \
	-Wno-missing-declarations -Woverride-init -Wno-incompatible-pointer-types \
	-Wno-discarded-qualifiers -Wenum-conversion -Wjump-misses-init \
	-Wimplicit-fallthrough% -fplugin% -fzero-init-padding-bits% -nostdinc -include -I% -isystem \
	-g -gdwarf% -gz% -Wvla -Wno-format-overflow-non-kprintf -Wno-format-truncation-non-kprintf \
	-fshort-wchar -Wno-type-limits -Wno-main -Wno-unterminated-string-initialization
# The core's own flags.  scripts/build/static-check.sh passes them to clang, too.
blkback-own-flags := -std=gnu++23 -ffreestanding -fno-exceptions -fno-rtti -fno-threadsafe-statics \
	-Wall -Wextra -Wold-style-cast -Wconversion -Wshadow -Wnon-virtual-dtor -Wno-psabi
# -g0: pahole of Debian 12 cannot turn C++ into BTF, and Kbuild would delete
# the module.  "make DEBUG=1" builds it without BTF.
blkback-cxx-flags = $(filter-out $(blkback-c-only) %.h $(srctree)/% $(blkback-dir)/%,$(c_flags)) \
	$(blkback-own-flags) $(if $(BLKBACK_DEBUG),-g,-g0) \
	$(if $(XEN_HEADERS),-isystem $(XEN_HEADERS)) \
	-I$(blkback-dir)/include -I$(blkback-dir)/src

# Functions of a request's path that are called once or twice become part of their callers.
blkback-flags-request_path := --param=max-inline-insns-auto=60 --param=large-function-growth=400

# Symbols that an object of the core may leave undefined: the host interface, symbols
# that compilers emit, and those of the core's other objects.
blkback-allowed := host_[a-z0-9_]* memcpy memset memmove memcmp strlen __stack_chk_fail \
	__fentry__ __x86_[a-z0-9_]* __kasan_[a-z0-9_]* __asan_[a-zN0-9_]* __tsan_[a-z0-9_]* \
	__ubsan_[a-z0-9_]* __sanitizer_cov_[a-z0-9_]* __ref_stack_chk_guard \
	_ZN7blkback[A-Za-z0-9_]* _ZNK7blkback[A-Za-z0-9_]*

quiet_cmd_blkback_cxx = CXX $(quiet_modtag) $@
      cmd_blkback_cxx = $(BLKBACK_CXX_LAUNCHER) $(BLKBACK_CXX) $(blkback-cxx-flags) $(blkback-flags-$(basename $(@F))) \
	-c -o $@ $< \
	$(cmd_objtool)
quiet_cmd_blkback_gate = GATE    $@
      cmd_blkback_gate = $(CONFIG_SHELL) $(blkback-dir)/scripts/build/symbol-gate.sh \
	"$(NM)" "$(OBJDUMP)" $@ '$(blkback-allowed)'

define rule_blkback_cxx
	$(call cmd_and_fixdep,blkback_cxx)
	$(call cmd,gen_objtooldep)
	$(call cmd,blkback_gate)
endef

$(addprefix $(obj)/,$(blkback-core)): $(obj)/%.o: $(src)/%.cc FORCE
	$(call if_changed_rule,blkback_cxx)
