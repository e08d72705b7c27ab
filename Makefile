# bionic_crypt: a PGXS module of several folders, for any PG_CONFIG of 15 to 18.
#
#	make && make install
#	make installcheck	pg_regress and isolation, on a running server that preloads
#				the library (test/bionic_crypt.conf has the settings)
#	make installcheck TAP_TESTS=1
#				and the scripts of test/t, which start servers; not as root
#	make installcheck REGRESS=... ISOLATION=... PROVE_TESTS=test/t/...
#				some of them; an empty list means none
#	make reproduce		builds twice, differently, and compares; with RELEASE=0.1.0
#				once, and compares with what was published
#
# test/servers.sh does that on servers of its own, ./check.sh all from packages
# to the other versions of PostgreSQL.  COPT adds flags of compiler and linker,
# as in PostgreSQL: -Werror, -fsanitize=undefined, '-O0 --coverage'.

MODULE_big = bionic_crypt
EXTENSION = bionic_crypt
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" bionic_crypt.control)

OBJS := $(patsubst %.c,%.o,$(sort $(wildcard src/*.c) \
	$(filter-out src/programs/%,$(wildcard src/*/*.c))))
DATA := $(sort $(wildcard sql/upgrade/*.sql))
DATA_built = bionic_crypt--$(EXTVERSION).sql
FRAGMENTS := $(sort $(wildcard sql/install/*.sql))

# The process that has a module of PKCS#11 in it: without PostgreSQL, and linked
# with nothing that a module might bring in another version.
PKCS11_HELPER = bionic_crypt_pkcs11
PKCS11_OBJS := $(patsubst %.c,%.o,$(sort $(wildcard src/programs/pkcs11_*.c)) \
	src/kms/pkcs11_message.c src/crypto/bytes.c)

# The verifier that a customer runs: what the library verifies with, too.
VERIFY = bionic-verify
VERIFY_MAIN := $(patsubst %.c,%.o,$(sort $(wildcard src/programs/bionic_verify*.c)))
VERIFY_JSON = src/base/json_frontend.o
VERIFY_OBJS := $(VERIFY_MAIN) $(VERIFY_JSON) $(patsubst %.c,%.o,$(sort $(wildcard src/evidence/*.c)) \
	src/crypto/base64.c src/crypto/bytes.c)

# What the library says that it was built from.
STAMP = src/report/build_stamp.inc
STAMPED := $(sort Makefile bionic_crypt.control src/report/build_stamp $(FRAGMENTS) $(DATA) \
	$(wildcard src/*.[ch] src/*/*.[ch]))

# Set with := since PGXS asks whether they are empty.  Both kinds of test find
# their output in expected/: 15 knows no other place that 16 knows as well.
REGRESS := $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
REGRESS_OPTS = --load-extension=bionic_crypt
ISOLATION := $(sort $(patsubst test/specs/%.spec,%,$(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --load-extension=bionic_crypt --inputdir=test --outputdir=.
REGRESS_PREP = $(if $(findstring --temp-instance,$(EXTRA_REGRESS_OPTS)),, \
	$(if $(REGRESS)$(ISOLATION),preloaded))
EXTRA_CLEAN = $(PKCS11_HELPER) $(VERIFY) bionic_crypt_vtpm $(VERIFY_JSON) $(STAMP) src/programs/*.o bionic_crypt--*.sql results output_iso tmp_check log regression.diffs regression.out

# Nothing of the build's folder goes into the library.
PG_CPPFLAGS = -Isrc
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -ffile-prefix-map=$(CURDIR)=.
SHLIB_LINK = -lcurl -lssl -lcrypto -lsodium

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# After the include, since PGXS resets it; override, for a user's own flags.
override PROVE_FLAGS += -I test/perl
PROVE_TESTS ?= $(sort $(wildcard test/t/*.pl))

# PGXS knows no dependencies on headers: any header rebuilds all, in seconds.
$(OBJS) $(OBJS:.o=.bc) $(PKCS11_OBJS) $(VERIFY_MAIN) $(VERIFY_JSON): $(wildcard src/*/*.h)

# Each make looks, and what stays as it was rebuilds nothing.  Of the flags
# those go in that do not name the build's folder.
src/report/build_info.o src/report/build_info.bc: $(STAMP)
$(STAMP): export BUILD_VERSION = $(EXTVERSION)
$(STAMP): export BUILD_FLAGS = $(strip $(filter-out -ffile-prefix-map=% -fdebug-prefix-map=% \
	-fmacro-prefix-map=%,$(CFLAGS)) $(filter -D% -U%,$(CPPFLAGS)))
$(STAMP): look
	@src/report/build_stamp $(STAMPED) >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
.PHONY: look print-stamped
print-stamped:
	@printf '%s\n' $(STAMPED)

$(VERIFY_MAIN): override CPPFLAGS += -I$(includedir)
$(VERIFY_JSON): src/base/json.c
	$(CC) $(CFLAGS) $(CPPFLAGS) -DFRONTEND -c -o $@ $<

$(filter src/programs/%,$(PKCS11_OBJS)): override CPPFLAGS += \
	$(shell pkg-config --cflags p11-kit-1 2>/dev/null || echo -I/usr/include/p11-kit-1)

all: $(PKCS11_HELPER)
$(PKCS11_HELPER): $(PKCS11_OBJS)
	$(CC) $(CFLAGS) -pie $(PKCS11_OBJS) $(LDFLAGS) -ldl -o $@

all: $(VERIFY)
$(VERIFY): $(VERIFY_OBJS)
	$(CC) $(CFLAGS) -pie $(VERIFY_OBJS) $(LDFLAGS) -L$(pkglibdir) -L$(libdir) -lpgcommon -lpgport \
		-lpq -lssl -lcrypto -o $@

# The helper for Azure's vTPM, by itself: "make vtpm", where the TPM2 Software
# Stack is.  It is not part of what is published, which has no need of the stack.
VTPM = bionic_crypt_vtpm
VTPM_MAIN := $(patsubst %.c,%.o,$(sort $(wildcard src/programs/vtpm*.c)))
VTPM_OBJS := $(VTPM_MAIN) $(filter-out src/programs/bionic_verify%,$(VERIFY_OBJS))

$(VTPM_MAIN): $(wildcard src/*/*.h)
.PHONY: vtpm
vtpm: $(VTPM)
$(VTPM): $(VTPM_OBJS)
	$(CC) $(CFLAGS) -pie $(VTPM_OBJS) $(LDFLAGS) -L$(pkglibdir) -L$(libdir) -lpgcommon -lpgport \
		-ltss2-esys -ltss2-tctildr -ltss2-rc -lcrypto -o $@

install: install-verify
uninstall: uninstall-verify
.PHONY: install-verify uninstall-verify
install-verify: all installdirs
	$(MKDIR_P) '$(DESTDIR)$(bindir)'
	$(INSTALL_PROGRAM) $(VERIFY) '$(DESTDIR)$(bindir)/'
uninstall-verify:
	rm -f '$(DESTDIR)$(bindir)/$(VERIFY)'

install: install-pkcs11
uninstall: uninstall-pkcs11
.PHONY: install-pkcs11 uninstall-pkcs11
install-pkcs11: all installdirs
	$(INSTALL_PROGRAM) $(PKCS11_HELPER) '$(DESTDIR)$(pkglibdir)/'
uninstall-pkcs11:
	rm -f '$(DESTDIR)$(pkglibdir)/$(PKCS11_HELPER)'

# /dev/null, so that cat does not wait for input when there is no fragment.
$(DATA_built): $(FRAGMENTS) bionic_crypt.control
	cat $(FRAGMENTS) /dev/null > $@

.PHONY: preloaded
preloaded:
	@libraries=$$('$(bindir)/psql' -XAtq -d postgres -c 'SHOW shared_preload_libraries') || \
		{ echo "installcheck: no server to test; test/servers.sh brings its own" >&2; exit 1; }; \
	case $$libraries in *bionic_crypt*) ;; *) \
		echo "installcheck: the server must have shared_preload_libraries = 'bionic_crypt'" >&2; exit 1;; esac

.PHONY: reproduce
reproduce:
	PG_CONFIG='$(PG_CONFIG)' deploy/$(if $(RELEASE),rebuild '$(RELEASE)',reproduce)
