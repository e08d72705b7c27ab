"""The ways to keep a text column that are compared."""

from dataclasses import dataclass

from client import ServerError
from server import BENCH

TENANT = "acme"
APP_KEY = "correct-horse-battery-staple"
RAW_KEY = r"'\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'::bytea"


@dataclass(frozen=True)
class Variant:
    """How a variant declares, writes and reads its column.

    encrypt and decrypt are expressions around {}: a variant that needs
    neither does its work in the column's type.
    """

    name: str
    type: str
    setup: tuple = ()
    encrypt: str = "{}"
    decrypt: str = "{}"
    settings: tuple = ()
    slower: int = 1  # rows and transactions are divided by this

    @property
    def by_type(self):
        """Whether the column's type does it, so that plain COPY works."""
        return self.encrypt == "{}"

    def text_of(self, column):
        """The plaintext of a column as text."""
        return f"{self.decrypt.format(column)}::text"


PLAIN = Variant("plain", "text")

# What SaaS code has today.
PGCRYPTO_FUNCTION = Variant(
    "pgcrypto_function", "bytea",
    setup=(
        "CREATE EXTENSION IF NOT EXISTS pgcrypto",
        """CREATE FUNCTION app_encrypt(data text) RETURNS bytea LANGUAGE plpgsql AS $$
           BEGIN
               RETURN pgp_sym_encrypt(data, current_setting('app.key'),
                                      'compress-algo=1, cipher-algo=aes256');
           END $$""",
        """CREATE FUNCTION app_decrypt(data bytea) RETURNS text LANGUAGE plpgsql AS $$
           BEGIN
               RETURN pgp_sym_decrypt(data, current_setting('app.key'));
           END $$"""),
    encrypt="app_encrypt({})", decrypt="app_decrypt({})",
    settings=(("app.key", APP_KEY),), slower=200)

# pgcrypto's encrypt() starts from a zero IV: one random block in front of
# the text is the same as a random IV.
PGCRYPTO_RAW = Variant(
    "pgcrypto_raw", "bytea",
    setup=("CREATE EXTENSION IF NOT EXISTS pgcrypto",),
    encrypt=f"encrypt(gen_random_bytes(16) || convert_to({{}}, 'UTF8'), {RAW_KEY}, 'aes-cbc')",
    decrypt=f"convert_from(substring(decrypt({{}}, {RAW_KEY}, 'aes-cbc') FROM 17), 'UTF8')",
    slower=5)

PGSODIUM = Variant(
    "pgsodium", "bytea",
    setup=("CREATE EXTENSION pgsodium",),
    encrypt=f"pgsodium.crypto_aead_det_encrypt(convert_to({{}}, 'UTF8'), ''::bytea, {RAW_KEY})",
    decrypt="convert_from(pgsodium.crypto_aead_det_decrypt({}, ''::bytea, " + RAW_KEY + "), 'UTF8')",
    slower=5)

BARE = Variant("bare", "bare_text", setup=((BENCH / "bare.sql").read_text(),))

BIONIC_CRYPT = Variant(
    "bionic_crypt", "encrypted_text",
    setup=("CREATE EXTENSION bionic_crypt",
           f"SELECT bionic_crypt.create_tenant('{TENANT}')"),
    settings=(("bionic_crypt.tenant", TENANT),))

# The same once more: its ratio to bare is the noise of the machine.
BARE_AGAIN = Variant("bare_again", "bare_text")

ALL = (PLAIN, PGCRYPTO_FUNCTION, PGCRYPTO_RAW, PGSODIUM, BARE, BIONIC_CRYPT)
BY_TYPE = (PLAIN, BARE, BARE_AGAIN, BIONIC_CRYPT)


def chosen(names, noise):
    """The variants of these names, or all of them."""
    variants = [variant for variant in ALL if not names or variant.name in names]
    if noise and BARE in variants:
        variants.insert(variants.index(BARE) + 1, BARE_AGAIN)
    return variants


def prepare(server, variants, say):
    """Sets variants up; those the server does not have are left out."""
    ready = []
    with server.session() as session:
        for variant in variants:
            try:
                for sql in variant.setup:
                    session.query(sql.replace("MODULE_PATHNAME", str(server.bare_library)))
                ready.append(variant)
            except ServerError as error:
                say(f"{variant.name} is left out: {error}")
    return ready
