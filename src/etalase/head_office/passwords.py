"""Refuses weak passwords: the public passwords of the guide (hazard 49), and common words with a year or number."""

import re
import unicodedata
from functools import lru_cache
from typing import Any

from django.core.exceptions import ValidationError

from etalase.head_office.messages import text
from etalase.head_office.models import Account, Company
from etalase.settings.reading import PUBLISHED_SECRETS, is_published

# The limit of the API's login.
MAX_CHARS = 256
# The least number of parts to guess: a character counts 1, a known word 2, a date 2; a year, a run of digits or keys, and a
# repetition count 1.
MIN_SCORE = 8
MIN_DIFFERENT = 5
WORD_SCORE, DATE_SCORE, RUN_SCORE = 2, 2, 1
MIN_WORD_CHARS = 3

# Likely words in passwords at an Indonesian restaurant chain. Django's own list of 20,000 covers English.
_WORDS = """
admin administrator akun user username login masuk password passwd pass kata sandi katasandi rahasia kunci test tes coba
demo menu foto photo gambar image produk product toko store outlet cabang branch kasir cashier pos edge sync server
etalase katalog harga diskon promo makanan minuman makan minum resto restoran restaurant warung rumah dapur kitchen chef
koki food foodlife nasi goreng ayam bebek sapi ikan sate soto bakso mie mi rendang gulai rawon pecel gado tempe tahu
sambal kerupuk es teh kopi jus susu air roti kue salmon bowl sushi ramen pizza burger coffee tea nusantara indonesia
merdeka garuda pancasila jakarta bandung surabaya medan bogor depok bekasi tangerang semarang yogya jogja malang bali
makassar sunda jawa pusat kantor office head company perusahaan manager manajer owner bos boss karyawan staff staf super
root guest tamu public umum selamat pagi siang malam datang sayang sayangku cinta kamu aku saya kita banget bismillah
alhamdulillah allah muhammad assalamualaikum ganteng cantik anak mama papa ibu bapak rumahku doraemon naruto persib
persija bonek januari februari maret april mei juni juli agustus september oktober november desember senin selasa rabu
kamis jumat sabtu minggu welcome hello secret master default changeme qwerty qwertyuiop asdf asdfgh zxcv zxcvbn qazwsx
abc abcd abcdef xyz minio minioadmin postgres redis django satu dua tiga
"""
WORDS = frozenset(_WORDS.split())
_LEET = str.maketrans("013457@$!", "oieastasi")
_DATE = re.compile(r"(0[1-9]|[12][0-9]|3[01])(0[1-9]|1[0-2])(19|20)?[0-9][0-9]|(19|20)[0-9]{2}(0[1-9]|1[0-2])[0-3][0-9]")
_YEAR = re.compile(r"(19|20)[0-9]{2}")
_SEPARATORS = re.compile(r"[\s._-]+")
_ROWS = ("01234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_RUNS = tuple(row[::step] for row in _ROWS for step in (1, -1))
# Also with a word that is on no list: «semangat2026»
_WORD_AND_NUMBER = re.compile(r"[^\W\d_]{1,12}[\s._-]?\d{1,8}[\W_]*")


class PublishedPasswordValidator:
    """Refuses a password of the guide, also in another case or with surrounding spaces."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raises ValidationError for such a password."""
        if is_published(password):
            raise ValidationError(self.get_help_text(), code="password_published")

    def get_help_text(self) -> str:
        """Returns the text that the admin shows beside the field."""
        return text("password_published")


class GuessablePasswordValidator:
    """Refuses a password that is little more than a known word, a year, or a name of the account, its store or its company."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raises ValidationError for such a password."""
        if len(password) > MAX_CHARS:
            raise ValidationError(text("password_long", most=MAX_CHARS), code="password_too_long")
        is_word = _WORD_AND_NUMBER.fullmatch(password) is not None
        if is_word or score(password, _names_of(user)) < MIN_SCORE or len(set(password.casefold())) < MIN_DIFFERENT:
            raise ValidationError(self.get_help_text(), code="password_guessable")

    def get_help_text(self) -> str:
        """Returns the text that the admin shows beside the field."""
        return text("password_guessable")


def score(password: str, names: frozenset[str] = frozenset()) -> int:
    """Returns the number of parts to guess in ``password`` (see :data:`MIN_SCORE`); ``names`` are further words, in lower case.

    Finds the cheapest split into parts by dynamic programming from the end. Separators count nothing.
    """
    plain = _SEPARATORS.sub("", unicodedata.normalize("NFKC", password[:MAX_CHARS]).casefold())
    words, spelled = WORDS | names, plain.translate(_LEET)
    longest = max(map(len, words))
    cheapest = [0] * (len(plain) + 1)
    for begin in range(len(plain) - 1, -1, -1):
        steps = [1 + cheapest[begin + 1]]
        steps += [
            WORD_SCORE + cheapest[end]
            for end in range(begin + 2, min(len(plain), begin + longest) + 1)
            if plain[begin:end] in words or spelled[begin:end] in words
        ]
        steps += [DATE_SCORE + cheapest[match.end()] for match in [_DATE.match(plain, begin)] if match]
        steps += [RUN_SCORE + cheapest[match.end()] for match in [_YEAR.match(plain, begin)] if match]
        further = [
            end for end in range(begin + 3, len(plain) + 1) if _is_run(plain[begin:end]) or plain[begin:end] in plain[:begin]
        ]
        steps += [RUN_SCORE + cheapest[end] for end in further]
        cheapest[begin] = min(steps)
    return cheapest[0]


def _is_run(text: str) -> bool:
    return len(set(text)) == 1 or any(text in known for known in _RUNS)


def _names_of(user: Any) -> frozenset[str]:
    """Returns the words in the names of the account, its store and its company; without a store, of all companies."""
    if not isinstance(user, Account):
        return frozenset()
    # The username is None after a form has refused it.
    names = [user.username or "", user.email, user.first_name, user.last_name]
    if user.store is None:
        names += Company.objects.values_list("name", flat=True)[:50]
    else:
        names += [user.store.code, user.store.name, user.store.company.name]
    return _words(tuple(names))


@lru_cache(maxsize=16)
def _words(names: tuple[str, ...]) -> frozenset[str]:
    words = {word for name in names for word in re.split(r"[\W_]+|(?<=\D)(?=\d)", name.casefold())}
    whole = {"".join(re.split(r"[\W_]+", name.casefold())) for name in names}
    return frozenset(word for word in words | whole if len(word) >= MIN_WORD_CHARS)


def admin_with_published_password() -> Account | None:
    """Returns the account ``admin`` if it is active and has a password of the guide."""
    admin = Account.objects.filter(username="admin", is_active=True).first()
    return admin if admin is not None and any(admin.check_password(known) for known in sorted(PUBLISHED_SECRETS)) else None
