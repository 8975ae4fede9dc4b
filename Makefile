# mybak: one Makefile, no recursion.  `make help` lists what it can do.
#
# A room is a folder: every .c below lib/ROOM belongs to that room, and a room
# sees only rooms to its left in ROOMS (tests/lint-rooms checks the includes).

VERSION := 0.1.0
ROOMS   := base model innodb server conf pipe repo source job

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
PKG_CFLAGS  = $(shell pkg-config --cflags $(PKGS))
PKG_LIBS    = $(shell pkg-config --libs $(PKGS))
TEST_CFLAGS = $(shell pkg-config --cflags check)
TEST_LIBS   = $(shell pkg-config --libs check)

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
SAN := -fsanitize=$(SANITIZE) -fno-omit-frame-pointer
else ifeq ($(findstring -O,$(CFLAGS)),-O)
ALL_CFLAGS += -D_FORTIFY_SOURCE=2
endif

LIB_SRC    := $(sort $(foreach r,$(ROOMS),$(wildcard lib/$(r)/*.c)))
DAEMON_SRC := $(sort $(wildcard daemon/*.c))
CTL_SRC    := $(sort $(wildcard daemon/ctl/*.c))
UNIT_SRC   := $(sort $(wildcard tests/unit/*.c))
HEADERS    := $(sort $(wildcard lib/*/*.h daemon/*.h daemon/ctl/*.h tests/unit/*.h))

LIB_OBJ    := $(LIB_SRC:%.c=$(O)/%.o)
DAEMON_OBJ := $(DAEMON_SRC:%.c=$(O)/%.o)
CTL_OBJ    := $(CTL_SRC:%.c=$(O)/%.o)
UNIT_OBJ   := $(UNIT_SRC:%.c=$(O)/%.o)

.PHONY: all
all: $(O)/mybakd $(O)/mybakctl

$(O)/libmybak.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

$(O)/mybakd: $(DAEMON_OBJ) $(O)/libmybak.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(O)/mybakctl: $(CTL_OBJ) $(O)/libmybak.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(O)/unit/%)

$(O)/unit/%: $(O)/tests/unit/%.o $(O)/libmybak.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) $(TEST_LIBS)

$(O)/tests/unit/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(TEST_CFLAGS) -Wno-missing-prototypes -MMD -MP -c -o $@ $<

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

-include $(LIB_OBJ:.o=.d) $(DAEMON_OBJ:.o=.d) $(CTL_OBJ:.o=.d) $(UNIT_OBJ:.o=.d)

.PHONY: check-unit
check-unit: $(UNIT_BIN) ## unit tests (no server)
	@rc=0; for t in $(UNIT_BIN); do $$t || rc=1; done; exit $$rc

.PHONY: format
format: ## lay the C sources out
	clang-format -i $(LIB_SRC) $(DAEMON_SRC) $(CTL_SRC) $(UNIT_SRC) $(HEADERS)

.PHONY: clean
clean: ## remove what was built
	rm -rf build
