# Assay. `make` builds, `make check` tests, `make run` shows; both install what is missing first.
#   make SAN=address,undefined check | make SAN=thread check | make CC=clang | make fuzz
#   make install PREFIX=/usr/local DESTDIR=
# Each variant of flags builds in its own build/VARIANT.

VERSION := 0.1.0
# make V=1 shows the commands
Q       := $(if $(V),,@)
PREFIX  ?= /usr/local
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
SAN     ?=
PKGS    := jansson libcrypto libzip lapacke openblas sqlite3 yaml-0.1 libpcre2-8 libutf8proc \
           libseccomp

comma   := ,
IS_CLANG := $(findstring clang,$(notdir $(firstword $(CC))))
VARIANT ?= $(notdir $(firstword $(CC)))$(if $(SAN),-$(subst $(comma),-,$(SAN)))
B       := build/$(VARIANT)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
        -Wconversion -Wno-sign-conversion -Wformat=2 -Werror
HARD := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE \
        $(if $(SAN),,-D_FORTIFY_SOURCE=3) $(if $(IS_CLANG),,-ftrivial-auto-var-init=zero)
CFLAGS_ALL := -std=c11 -D_POSIX_C_SOURCE=200809L -O2 -g -ffp-contract=off -pthread $(WARN) $(HARD) \
        $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all) \
        -Isrc -Iinclude -DAS_VERSION='"$(VERSION)"' -DAS_PREFIX='"$(PREFIX)"' $(CFLAGS)
LDFLAGS_ALL := -pie -pthread -Wl,-z,relro,-z,now,-z,noexecstack \
        $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)

# Goals that need the libraries; the others (help, clean, setup and its callers) work without.
BARE := run check setup clean help
ifneq ($(filter-out $(BARE),$(or $(MAKECMDGOALS),all)),)
PKG_MISSING := $(shell for p in $(PKGS); do pkg-config --exists $$p || echo $$p; done)
ifneq ($(PKG_MISSING),)
$(error missing libraries: $(PKG_MISSING); `make setup` installs them)
endif
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS))
PKG_LIBS   := $(shell pkg-config --libs $(PKGS))
endif

SRC      := $(sort $(wildcard src/*/*.c src/*/*/*.c src/*/*/*/*.c))
APP_SRC  := src/app/cli/main.c
LIB_OBJ  := $(patsubst src/%.c,$(B)/%.o,$(filter-out $(APP_SRC),$(SRC)))
UNIT     := $(patsubst tests/unit/%.c,$(B)/unit/%,$(sort $(wildcard tests/unit/*.c)))
FUZZ     := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(sort $(wildcard tests/fuzz/*.c)))

.PHONY: all lib unit check check-built run run-built setup clean help install fuzz format lint \
        replay oracle bench models
all: $(B)/assay

help:
	@sed -n '1,5s/^# \{0,1\}//p' Makefile

# --- build -----------------------------------------------------------------------------------
FLAGS := $(CC) $(CFLAGS_ALL) $(PKG_CFLAGS) $(LDFLAGS_ALL)
$(B)/flags: FORCE
	@mkdir -p $(@D); echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' >$@
FORCE:

$(B)/%.o: src/%.c $(B)/flags
	@mkdir -p $(@D)
	@echo '  CC $<'
	$Q$(CC) $(CFLAGS_ALL) $(PKG_CFLAGS) -MMD -MP -c $< -o $@

# Intrinsics live in files named after their instruction set; which one runs is chosen at run time.
ifneq ($(filter x86_64%,$(shell $(CC) -dumpmachine)),)
$(B)/%_avx2.o: CFLAGS_ALL += -mavx2 -mfma -mf16c
$(B)/%_avx512.o: CFLAGS_ALL += -mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma -mf16c
endif

lib: $(B)/libassay.a
$(B)/libassay.a: $(LIB_OBJ)
	@echo '  AR $@'
	$Qrm -f $@; $(AR) rcs $@ $^

$(B)/assay: $(B)/app/cli/main.o $(B)/libassay.a
	@echo '  LD $@'
	$Q$(CC) $(LDFLAGS_ALL) $^ $(PKG_LIBS) -lm -o $@

unit: $(UNIT)
$(B)/unit/%: tests/unit/%.c tests/check.h $(B)/libassay.a $(B)/flags
	@mkdir -p $(@D)
	@echo '  TEST $<'
	$Q$(CC) $(CFLAGS_ALL) $(PKG_CFLAGS) -Itests -MMD -MP -MF $@.d $(LDFLAGS_ALL) $< $(B)/libassay.a \
	    $(PKG_LIBS) -lm -o $@

# Allocation failures on demand (tests/fail_alloc.h).
ALLOC_UNIT := $(filter %_alloc,$(UNIT))
$(ALLOC_UNIT): tests/fail_alloc.c tests/fail_alloc.h
$(ALLOC_UNIT): LDFLAGS_ALL += tests/fail_alloc.c \
    -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free

# The same targets replay their corpora in `make check`; `make fuzz` explores with libFuzzer.
replay: $(FUZZ:%=%-replay)
$(B)/fuzz/%-replay: tests/fuzz/%.c tests/fuzz/replay.h $(B)/libassay.a $(B)/flags
	@mkdir -p $(@D)
	@echo '  FUZZ $<'
	$Q$(CC) $(CFLAGS_ALL) $(PKG_CFLAGS) -DAS_REPLAY -Itests -MMD -MP -MF $@.d $(LDFLAGS_ALL) $< \
	    $(B)/libassay.a $(PKG_LIBS) -lm -o $@

# --- set-up, tests, main job -----------------------------------------------------------------
setup:
	@tools/setup
check run:
	@tools/setup
	@$(MAKE) --no-print-directory $@-built
check-built: all unit replay
	@B=$(B) tests/run
run-built: all
	@B=$(B) tools/run-main $(DATA)

fuzz:
	@tools/fuzz $(or $(SECONDS),60)

# The engine against the reference libraries, in an environment of its own; and its speed.
oracle: all
	@B=$(B) tools/oracle/run $(CASES)
bench: all
	@B=$(B) tools/bench $(MODELS)
# The models of the embedded lab from nothing, compared with those in models/ (an hour).
models: all
	@B=$(B) tools/make-models $(MODELS)

format:
	clang-format -i $(SRC) $(wildcard src/*/*.h src/*/*/*.h src/*/*/*/*.h tests/*.h tests/*/*.c include/*.h)
lint:
	@tools/check-rooms && tools/check-source

# --- install ---------------------------------------------------------------------------------
SHARE = $(DESTDIR)$(PREFIX)/share
install: all $(B)/libassay.a
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include \
	    $(SHARE)/man/man1 $(SHARE)/assay/plans $(SHARE)/assay/schemas $(SHARE)/doc/assay \
	    $(SHARE)/bash-completion/completions $(SHARE)/zsh/site-functions \
	    $(SHARE)/fish/vendor_completions.d
	install -m 755 $(B)/assay $(DESTDIR)$(PREFIX)/bin/assay
	install -m 644 $(B)/libassay.a $(DESTDIR)$(PREFIX)/lib/libassay.a
	install -m 644 include/assay.h $(DESTDIR)$(PREFIX)/include/assay.h
	install -m 644 docs/assay.1 $(SHARE)/man/man1/assay.1
	install -m 644 plans/*.yaml $(SHARE)/assay/plans
	cp -r data models $(SHARE)/assay/
	chmod -R u=rwX,go=rX $(SHARE)/assay
	install -m 644 docs/schemas/*.json $(SHARE)/assay/schemas
	install -m 644 README.md CHANGELOG.md docs/*.md $(SHARE)/doc/assay
	install -m 644 completions/assay.bash $(SHARE)/bash-completion/completions/assay
	install -m 644 completions/_assay $(SHARE)/zsh/site-functions/_assay
	install -m 644 completions/assay.fish $(SHARE)/fish/vendor_completions.d/assay.fish
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' assay.pc.in \
	    >$(DESTDIR)$(PREFIX)/lib/pkgconfig/assay.pc

clean:
	rm -rf build

-include $(LIB_OBJ:.o=.d) $(B)/app/cli/main.d $(UNIT:%=%.d) $(FUZZ:%=%-replay.d)
