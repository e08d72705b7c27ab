# Builds the bare type in a folder of its own: nothing of it is installed.
MODULE_big = bare
OBJS = bare.o
SHLIB_LINK = -lcrypto
PG_CONFIG ?= pg_config
# The benchmark needs no bitcode, and so no clang.
override with_llvm = no
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)
