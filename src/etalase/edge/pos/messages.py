"""Defines every text of the POS page in Indonesian and English. The server renders one language; the page can
switch to the other.

The page's script fills in each ``{...}``. The page shows texts as plain text, never as markup.
"""

from typing import Final, Literal

Language = Literal["id", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("id", "en")
DEFAULT_LANGUAGE: Final[Language] = "id"

# Of `/healthz`.
NOT_ADOPTED: Final[dict[Language, str]] = {
    "id": "Foto di server ini diisi program lama dan belum dialihkan: kasir tetap menampilkannya, sinkronisasi menunggu izin.",
    "en": "An earlier program filled this server with photos: tills show them as before, and syncing waits to be allowed.",
}

TEXTS: Final[dict[Language, dict[str, str]]] = {
    "id": {
        "title": "Menu",
        "search": "Cari menu atau SKU",
        "clear": "Hapus pencarian",
        "language": "Bahasa",
        "menu": "Daftar menu",
        "skip": "Langsung ke daftar menu",
        "count": "{count} menu",
        "count_one": "1 menu",
        "found": "{count} dari {total} menu",
        "found_one": "{count} dari 1 menu",
        "category": "Kategori",
        "all_categories": "Semua",
        "other_category": "Lainnya",
        "nothing_here": "Belum ada menu di kategori ini",
        "nothing_here_hint": "Pilih kategori lain, atau tampilkan semua menu.",
        "nothing_found": "Tidak ada menu yang cocok dengan “{search}”",
        "nothing_found_hint": "Coba kata yang lebih pendek, atau cari dengan SKU.",
        "show_all": "Tampilkan semua menu",
        "empty": "Belum ada menu",
        "empty_hint": "Menu muncul sendiri di sini setelah sinkronisasi pertama selesai.",
        "loading": "Memuat menu…",
        "no_photo": "Belum ada foto",
        "photo_count": "{count} foto",
        "photo_of": "{name}, foto {number} dari {count}",
        "close": "Tutup",
        "previous": "Foto sebelumnya",
        "next": "Foto berikutnya",
        "away": "Server toko belum menjawab. Menu terakhir tetap ditampilkan (pukul {time}).",
        "away_at_start": "Server toko belum menjawab. Menu akan muncul sendiri.",
        "photos_away": "Foto belum bisa dimuat di layar ini. Menu tetap bisa dipakai.",
        "needs_script": "Halaman ini memerlukan JavaScript.",
    },
    "en": {
        "title": "Menu",
        "search": "Search menu or SKU",
        "clear": "Clear search",
        "language": "Language",
        "menu": "Menu items",
        "skip": "Skip to the menu items",
        "count": "{count} items",
        "count_one": "1 item",
        "found": "{count} of {total} items",
        "found_one": "{count} of 1 item",
        "category": "Category",
        "all_categories": "All",
        "other_category": "Other",
        "nothing_here": "Nothing in this category yet",
        "nothing_here_hint": "Choose another one, or show the whole menu.",
        "nothing_found": "Nothing on the menu matches “{search}”",
        "nothing_found_hint": "Try a shorter word, or search by SKU.",
        "show_all": "Show the whole menu",
        "empty": "No menu items yet",
        "empty_hint": "They appear here by themselves once the first sync is done.",
        "loading": "Loading the menu…",
        "no_photo": "No photo yet",
        "photo_count": "{count} photos",
        "photo_of": "{name}, photo {number} of {count}",
        "close": "Close",
        "previous": "Previous photo",
        "next": "Next photo",
        "away": "The store server is not answering. Still showing the menu as of {time}.",
        "away_at_start": "The store server is not answering. The menu will appear by itself.",
        "photos_away": "Photos cannot be loaded on this screen just now. The menu works all the same.",
        "needs_script": "This page needs JavaScript.",
    },
}
