# mybak: one Makefile, no recursion.  `make help` lists what it can do.
#
# A room is a folder: every .c below lib/ROOM belongs to that room, and a room
# sees only rooms to its left in ROOMS (tests/lint-rooms checks the includes).
#
# DEVELOPER=1 adds -Werror; SANITIZE=address,undefined (or thread) builds with
# sanitizers; O=dir builds elsewhere.

VERSION := 0.1.0
ROOMS   := base model innodb server conf pipe repo binlog source job

prefix     ?= /usr
sbindir    ?= $(prefix)/sbin
bindir     ?= $(prefix)/bin
mandir     ?= $(prefix)/share/man
sysconfdir ?= /etc
unitdir    ?= /lib/systemd/system
compdir    ?= $(prefix)/share/bash-completion/completions

O        ?= build
CC       ?= gcc
PKGS     := libmariadb yaml-0.1 libzstd jansson libisal sqlite3 libevent libevent_pthreads libsystemd libcurl libxxhash
# Asked once, and only when something is compiled: setup.sh may have to run first.
once         = $(eval $1 := $(shell $2))$($1)
PKG_CFLAGS   = $(call once,PKG_CFLAGS,pkg-config --cflags $(PKGS))
PKG_LIBS     = $(call once,PKG_LIBS,pkg-config --libs $(PKGS))
TEST_CFLAGS  = $(call once,TEST_CFLAGS,pkg-config --cflags check)
TEST_LIBS    = $(call once,TEST_LIBS,pkg-config --libs check)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wwrite-strings -Wvla -Wformat=2 -Wundef -Wcast-qual -Wno-missing-field-initializers
CFLAGS  ?= -O2 -g
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -DMYBAK_VERSION='"$(VERSION)"' -Ilib -I. $(WARN) \
	-fstack-protector-strong -pthread $(PKG_CFLAGS) $(CFLAGS) $(SAN)
ALL_LDFLAGS = -pthread -Wl,-z,relro,-z,now $(LDFLAGS) $(SAN)
ifdef DEVELOPER
WARN += -Werror
endif
ifdef SANITIZE
SAN := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
else ifeq ($(findstring -O,$(CFLAGS)),-O)
ALL_CFLAGS += -D_FORTIFY_SOURCE=2
endif

LIB_SRC    := $(sort $(foreach r,$(ROOMS),$(wildcard lib/$(r)/*.c)))
DAEMON_SRC := $(sort $(wildcard daemon/*.c))
CTL_SRC    := $(sort $(wildcard daemon/ctl/*.c))
UNIT_SRC   := $(sort $(wildcard tests/unit/*.c))
TOOL_SRC   := $(sort $(wildcard tests/tools/*.c))
ALL_SRC    := $(LIB_SRC) $(DAEMON_SRC) $(CTL_SRC) $(UNIT_SRC) $(TOOL_SRC)
HEADERS    := $(sort $(wildcard lib/*/*.h daemon/*.h daemon/ctl/*.h tests/unit/*.h))

LIB_OBJ    := $(LIB_SRC:%.c=$(O)/%.o)
DAEMON_OBJ := $(DAEMON_SRC:%.c=$(O)/%.o)
CTL_OBJ    := $(CTL_SRC:%.c=$(O)/%.o)
UNIT_BIN   := $(UNIT_SRC:tests/unit/%.c=$(O)/unit/%)
TOOL_BIN   := $(TOOL_SRC:tests/tools/%.c=$(O)/tools/%)

.PHONY: all
all: $(O)/mybakd $(O)/mybakctl ## mybakd and mybakctl

$(O)/mybakd: $(DAEMON_OBJ) $(O)/libmybak.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(O)/mybakctl: $(CTL_OBJ) $(O)/libmybak.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(O)/libmybak.a: $(LIB_OBJ)
# What unit tests of the two programs link: all but main.
$(O)/libdaemon.a: $(filter-out $(O)/daemon/main.o,$(DAEMON_OBJ))
$(O)/libctl.a: $(filter-out $(O)/daemon/ctl/main.o,$(CTL_OBJ))
$(O)/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	ar rcs $@ $^

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/tests/unit/%.o: ALL_CFLAGS += $(TEST_CFLAGS) -Wno-missing-prototypes

LINK_UNIT = @mkdir -p $(@D); set -x; $(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) $(TEST_LIBS)
$(O)/unit/test_daemon_%: $(O)/tests/unit/test_daemon_%.o $(O)/libdaemon.a $(O)/libmybak.a
	$(LINK_UNIT)
$(O)/unit/test_ctl_%: $(O)/tests/unit/test_ctl_%.o $(O)/libctl.a $(O)/libmybak.a
	$(LINK_UNIT)
$(O)/unit/%: $(O)/tests/unit/%.o $(O)/libmybak.a
	$(LINK_UNIT)

$(O)/tools/%: $(O)/tests/tools/%.o $(O)/libmybak.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

.SECONDARY:
-include $(patsubst %.c,$(O)/%.d,$(ALL_SRC))

# ---- tests -----------------------------------------------------------------

PYTHON := PYTHONDONTWRITEBYTECODE=1 MYBAK_BUILD=$(abspath $(O)) /usr/bin/python3
PYTEST := $(PYTHON) -m pytest -q -p no:cacheprovider -c tests/integration/pytest.ini
SETUP   = @tests/setup.sh
AGAIN   = @+$(MAKE) --no-print-directory

.PHONY: check
check: ## set up, build, unit and integration tests (under 20 minutes)
	$(SETUP) build test
	$(AGAIN) all
	$(AGAIN) check-unit
	$(AGAIN) check-integration

.PHONY: check-unit
check-unit: $(UNIT_BIN) ## unit tests (no server)
	@rc=0; for t in $(UNIT_BIN); do $$t || rc=1; done; exit $$rc

.PHONY: programs
programs: all $(TOOL_BIN)

.PHONY: check-integration
check-integration: programs ## tests against real servers under load, without the long ones
	$(PYTEST) -m 'not long and not mysql' tests/integration

.PHONY: check-mysql
check-mysql: ## tests against a real MySQL 9 (fetched from Debian unstable, not installed)
	$(SETUP) build test
	$(AGAIN) programs
	$(PYTEST) -m 'mysql and not long' tests/integration

.PHONY: check-faults
check-faults: programs ## every fault at every step: kill -9, full disk, damage, two daemons
	$(PYTEST) tests/integration/test_faults.py

.PHONY: check-long
check-long: programs ## the tests that check-integration and check-mysql leave out
	$(PYTEST) -m long tests/integration

.PHONY: asan
asan: ## unit tests and a short backup and restore under ASan and UBSan
	$(SETUP) build test lint
	$(AGAIN) sanitized O=build-asan SANITIZE=address,undefined

.PHONY: tsan
tsan: ## the same under TSan
	$(SETUP) build test lint
	$(AGAIN) sanitized O=build-tsan SANITIZE=thread

.PHONY: sanitized
sanitized: programs check-unit
	$(PYTEST) -m smoke tests/integration

.PHONY: demo
demo: ## a live server backed up, destroyed and brought back, as a story (as root, 3 minutes)
	$(SETUP) build test
	$(AGAIN) programs
	@$(PYTHON) tests/demo.py

.PHONY: bench
bench: ## side by side with mariadb-backup, and on MySQL; size: BENCH_MB (1000)
	$(SETUP) build test
	$(AGAIN) programs
	@$(PYTHON) tests/bench.py

# ---- lint ------------------------------------------------------------------

EACH   := xargs -r -n 1 -P 2
EACH_I := xargs -r -I {} -P 2
LINTS  := format headers rooms tidy cppcheck shell python man gcc clang
SCRIPTS = tests/setup.sh tests/lint-rooms .ci/run $(wildcard daemon/ctl/*.bash-completion)

.PHONY: lint $(LINTS:%=lint-%)
lint: ## layout, room rules, clang-tidy, cppcheck, shellcheck, manuals, both compilers
	$(SETUP) build lint
	$(AGAIN) -k $(LINTS:%=lint-%)
lint-format:
	clang-format --dry-run -Werror $(ALL_SRC) $(HEADERS)
lint-headers:
	@printf '%s\n' $(HEADERS) | $(EACH) \
		$(CC) -Werror -fsyntax-only $(ALL_CFLAGS) $(TEST_CFLAGS) -x c
lint-rooms:
	tests/lint-rooms $(ROOMS)
lint-tidy:
	@printf '%s\n' $(filter-out lib/base/err.c,$(LIB_SRC) $(DAEMON_SRC) $(CTL_SRC) $(TOOL_SRC)) | \
		$(EACH_I) sh -c 'f=$$1; shift; exec 2>/dev/null clang-tidy --quiet \
			--warnings-as-errors="*" "$$f" -- "$$@"' tidy {} $(ALL_CFLAGS) -include tests/tidy.h
lint-cppcheck:
	cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
		--inline-suppr --suppress=missingIncludeSystem --suppress=legacyUninitvar -D_GNU_SOURCE -Ilib -I. \
		-j 2 lib daemon tests/tools
lint-shell:
	shellcheck -s bash -e SC2034,SC2207 $(filter %.bash-completion,$(SCRIPTS)) /dev/null
	shellcheck $(filter-out %.bash-completion,$(SCRIPTS))
lint-python:
	@$(PYTHON) -c 'import ast, pathlib; [ast.parse(p.read_bytes(), str(p)) \
		for p in pathlib.Path("tests").rglob("*.py")]'
lint-man:
	$(if $(wildcard man/*.[1-9]),mandoc -Tlint -Wwarning $(wildcard man/*.[1-9]))
lint-gcc lint-clang: lint-%:
	$(AGAIN) O=build-lint-$* CC=$* DEVELOPER=1 programs units
.PHONY: units
units: $(UNIT_BIN)

.PHONY: format
format: ## lay the C sources out
	clang-format -i $(ALL_SRC) $(HEADERS)

# ---- install ---------------------------------------------------------------

DOCDIR  := $(prefix)/share/doc/mybak
# source:destination:mode
INSTALL := $(O)/mybakd:$(sbindir)/mybakd:755 $(O)/mybakctl:$(bindir)/mybakctl:755 \
	README.md:$(DOCDIR)/README.md:644 LICENSE:$(DOCDIR)/copyright:644 \
	$(foreach m,$(wildcard man/*.[1-9]),$(m):$(mandir)/man$(subst .,,$(suffix $(m)))/$(notdir $(m)):644) \
	$(foreach u,$(wildcard systemd/*.service),$(u):$(unitdir)/$(notdir $(u)):644) \
	$(foreach u,$(wildcard systemd/*.sysusers),$(u):/usr/lib/sysusers.d/$(notdir $(u:.sysusers=.conf)):644) \
	$(foreach u,$(wildcard systemd/*.tmpfiles),$(u):/usr/lib/tmpfiles.d/$(notdir $(u:.tmpfiles=.conf)):644) \
	$(foreach c,$(wildcard conf/*),$(c):$(DOCDIR)/examples/$(notdir $(c)):644) \
	$(foreach c,$(wildcard daemon/ctl/*.bash-completion),$(c):$(compdir)/mybakctl:644)

.PHONY: install
install: all ## programs, manuals, systemd unit (DESTDIR, prefix)
	@set -e; for f in $(INSTALL); do \
		IFS=:; set -- $$f; echo "install $$2"; install -D -m $$3 $$1 "$(DESTDIR)$$2"; done

.PHONY: uninstall
uninstall: ## remove what install put there
	@set -e; for f in $(INSTALL); do IFS=:; set -- $$f; rm -f "$(DESTDIR)$$2"; done

.PHONY: clean
clean: ## remove what was built
	rm -rf build build-*

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | sort | expand -t 20
