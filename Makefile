# SPDX-License-Identifier: LGPL-2.1-or-later
# A thin door: every target says in one line what it runs. The work is in meson and in tests/.
#
#   make demo    a pair on this machine, and a failover    (as root; VM=1: virtual machines, with a volume)
#   make check   every test that can run here              (as root)
#   make bench   hapair beside keepalived, measured        (as root, about 40 minutes)
#   make bench VM=1   a pair with a volume beside DRBD with a plain script, on two virtual machines
#   make soak    random faults for 20 minutes on a pair with a volume (as root; SEED=N: those of that seed)

BUILD := build
CHECK := build-check

# What building, testing and the labs need, as Debian packages.
PACKAGES := clang-format clang-tidy dbus e2fsprogs gcc iproute2 iputils-arping keepalived libblkid-dev libc6-dev \
	libglib2.0-bin libglib2.0-dev libjansson-dev libnl-3-dev libnl-route-3-dev libprotobuf-c-dev \
	libsmartcols-dev libsodium-dev libsystemd-dev meson mmdebstrap nftables ninja-build pkg-config \
	polkitd procps protobuf-c-compiler python3 python3-dbus python3-dbusmock python3-docutils python3-gi \
	python3-pytest python3-pytest-xdist qemu-system-x86 qemu-utils socat spin systemd util-linux

.PHONY: help build deps demo check bench soak clean

help:
	@sed -n 's/^#   //p' Makefile

deps:
	@missing=$$(dpkg-query -W -f '$${Package} $${db:Status-Status}\n' $(PACKAGES) 2>/dev/null | \
		awk '$$2 == "installed" { print $$1 }' | sort | comm -23 <(printf '%s\n' $(PACKAGES) | sort) -); \
	if [ -n "$$missing" ]; then \
		echo "Installing" $$missing; \
		apt-get update -q && \
		DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; \
	fi

build: deps
	@[ -e $(BUILD)/build.ninja ] || meson setup $(BUILD)
	@ninja -C $(BUILD)

demo: build
	@/usr/bin/python3 -m tests.$(if $(VM),vm,lab).demo --build $(BUILD)

check: build
	@[ -e $(CHECK)/build.ninja ] || meson setup $(CHECK) -Db_sanitize=address,undefined -Db_lundef=false
	@ninja -C $(CHECK)
	@/usr/bin/python3 tests/check.py $(BUILD) $(CHECK)

bench: build
	@/usr/bin/python3 -m $(if $(VM),bench.volume,bench) --build $(BUILD)

soak: build
	@/usr/bin/python3 -m tests.vm.soak --build $(BUILD) $(if $(SEED),--seed $(SEED))

clean:
	rm -rf $(BUILD) $(CHECK)

SHELL := /bin/bash
