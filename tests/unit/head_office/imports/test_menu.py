"""Reading a menu file, line by line."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from uuid import UUID

import pytest

from etalase.errors import UsageError
from etalase.head_office.imports.menu import Menu, read_menu

HEADER = "sku,name,file,is_primary,sort_order,stores"
WITH_IDS = HEADER + ",product_id,photo_id"
ID_1, ID_2 = "63ea9d40-47f2-4202-95b6-f9b9e798d762", "73ce4e57-19f0-44f8-8e3d-ea1c27c0e21b"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg", "sub/a.jpg", "with space & ümlaut.png"):
        (folder / name).write_bytes(b"x")
    (tmp_path / "outside.jpg").write_bytes(b"x")
    (folder / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    (folder / "inner.jpg").symlink_to(folder / "a.jpg")
    return folder


def read(
    photos: Path,
    *lines: str,
    header: str = HEADER,
    ending: str = "\n",
    encoding: str = "utf-8",
    present: Mapping[str, Collection[str]] | None = None,
    codes: Sequence[str] = ("AVRIL-001", "BDG-002"),
) -> Menu:
    path = photos.parent / "menu.csv"
    path.write_bytes(ending.join([header, *lines, ""]).encode(encoding, "surrogatepass"))
    return read_menu(path, photos, store_codes=codes, present=present)


def problem(menu: Menu) -> str:
    (only,) = menu.problems
    return str(only)


def test_lines_of_one_sku_are_one_dish(photos: Path) -> None:
    menu = read(photos, "1,SATE,a.jpg,true,0,AVRIL-001", "1,,b.jpg,false,5,BDG-002", "2,SOTO,,,,")
    sate, soto = menu.dishes
    assert (sate.sku, sate.name, sate.stores) == ("1", "SATE", {"AVRIL-001", "BDG-002"})
    assert [(p.source, p.is_primary, p.sort_order) for p in sate.photos] == [("a.jpg", True, 0), ("b.jpg", False, 5)]
    assert (soto.photos, soto.stores) == ([], None)
    assert menu.problems == []


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_files_of_any_spreadsheet_are_read(photos: Path, ending: str, encoding: str) -> None:
    header = " SKU ,Name,FILE,is_primary,sort_order,stores"
    menu = read(photos, "1,SATÉ,a.jpg,Ya,,,,,", "", ",,,,,", "2,SOTO", header=header, ending=ending, encoding=encoding)
    assert [(dish.line, dish.sku, dish.name, len(dish.photos)) for dish in menu.dishes] == [
        (2, "1", "SATÉ", 1),
        (5, "2", "SOTO", 0),
    ]
    assert menu.problems == []


def test_a_quoted_cell_may_contain_a_comma(photos: Path) -> None:
    (dish,) = read(photos, '1,"SATE, AYAM",a.jpg,,,', header=HEADER.upper()).dishes
    assert dish.name == "SATE, AYAM"


def test_spaces_around_cells_are_ignored(photos: Path) -> None:
    (dish,) = read(photos, " 1 , SATE , a.jpg , yes , 3 , avril-001 ; BDG-002 ;").dishes
    assert (dish.sku, dish.name, dish.stores) == ("1", "SATE", {"AVRIL-001", "BDG-002"})
    assert (dish.photos[0].source, dish.photos[0].is_primary, dish.photos[0].sort_order) == ("a.jpg", True, 3)


def test_one_line_without_stores_means_all_stores(photos: Path) -> None:
    (dish,) = read(photos, "1,SATE,a.jpg,,,AVRIL-001", "1,,b.jpg,,,").dishes
    assert dish.stores is None


def test_without_a_sort_order_photos_keep_the_order_of_the_file(photos: Path) -> None:
    (dish,) = read(photos, "1,SATE,b.jpg,,,", "1,,a.jpg,,,", "1,,sub/a.jpg,,-7,").dishes
    assert [p.sort_order for p in dish.photos] == [0, 1, -7]


@pytest.mark.parametrize("word", ["true", "TRUE", "1", "yes", "y", "Ya"])
def test_true_values_of_is_primary(photos: Path, word: str) -> None:
    assert read(photos, f"1,SATE,a.jpg,{word},,").dishes[0].photos[0].is_primary


@pytest.mark.parametrize("word", ["", "false", "0", "no", "n", "Tidak"])
def test_false_values_of_is_primary(photos: Path, word: str) -> None:
    assert not read(photos, f"1,SATE,a.jpg,{word},,").dishes[0].photos[0].is_primary


def test_ids_may_be_prescribed(photos: Path) -> None:
    (dish,) = read(photos, f"1,SATE,a.jpg,,,,{ID_1},{ID_2.upper()}", header=WITH_IDS).dishes
    assert (dish.product_id, dish.photos[0].photo_id) == (UUID(ID_1), UUID(ID_2))


def test_the_same_file_may_be_a_photo_of_two_skus(photos: Path) -> None:
    assert read(photos, "1,SATE,a.jpg,,,", "2,SOTO,a.jpg,,,").problems == []


def test_two_spellings_of_a_path_are_the_same_photo(photos: Path) -> None:
    menu = read(photos, "1,SATE,./sub//a.jpg,,,", "1,,sub/a.jpg,,,")
    assert menu.dishes[0].photos[0].source == "sub/a.jpg"
    assert problem(menu) == "line 3, file «sub/a.jpg»: line 2 names this photo of this SKU already"


def test_names_of_files_may_have_spaces_and_umlauts(photos: Path) -> None:
    assert read(photos, "1,SATE,with space & ümlaut.png,,,").problems == []


def test_a_link_that_stays_inside_is_followed(photos: Path) -> None:
    assert read(photos, "1,SATE,inner.jpg,,,").problems == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (",SATE,a.jpg,,,", "sku «»: is empty"),
        ("1,,a.jpg,,,", "name «»: is empty, and head office has no dish of SKU 1: give a name"),
        (f"{'9' * 101},SATE,a.jpg,,,", "has 101 characters; 100 are allowed"),
        (f"1,{'x' * 256},a.jpg,,,", "has 256 characters; 255 are allowed"),
        ("1,SATE,nowhere.jpg,,,", "file «nowhere.jpg»: there is no such file in PHOTOS_DIR"),
        ("1,SATE,sub,,,", "file «sub»: is a folder, not a file"),
        ("1,SATE,../outside.jpg,,,", "file «../outside.jpg»: lies outside PHOTOS_DIR"),
        ("1,SATE,/etc/passwd,,,", "file «/etc/passwd»: lies outside PHOTOS_DIR"),
        ("1,SATE,link.jpg,,,", "file «link.jpg»: lies outside PHOTOS_DIR"),
        (f"1,SATE,{'x' * 256},,,", "the name has more than 255 characters"),
        ("1,SATE,a.jpg,perhaps,,", "is_primary «perhaps»: is neither yes (true, 1, yes, ya) nor no"),
        ("1,SATE,a.jpg,,first,", "sort_order «first»: is not a whole number"),
        ("1,SATE,a.jpg,,1.5,", "sort_order «1.5»: is not a whole number"),
        ("1,SATE,a.jpg,,99999999999,", "sort_order «99999999999»: is not a whole number"),
        ("1,SATE,a.jpg,,,AVRIL-01", "stores «AVRIL-01»: there is no store AVRIL-01; is AVRIL-001 meant?"),
        ("1,SATE,a.jpg,,,,extra", "beyond the last column «extra»: the line has more cells than the first line"),
    ],
)
def test_a_bad_line_is_reported_with_line_column_and_value_and_the_others_are_read(
    photos: Path, line: str, expected: str
) -> None:
    menu = read(photos, "0,GOOD,b.jpg,,,", line, "9,ALSO GOOD,b.jpg,,,")
    assert problem(menu).startswith("line 3, ")
    assert expected in problem(menu)
    assert [dish.sku for dish in menu.dishes] == ["0", "9"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("1,SATE,a.jpg,,,,x,", "product_id «x»: is not a UUID"),
        ("1,SATE,a.jpg,,,,,x", "photo_id «x»: is not a UUID"),
        (f"1,SATE,,,,,,{ID_2}", f"photo_id «{ID_2}»: the line names no file, so it has no photo"),
        (f"1,SATE,a.jpg,,,,{ID_1},", f"product_id «{ID_1}»: is the id of SKU 0 above"),
        (f"0,,a.jpg,,,,{ID_2},", f"product_id «{ID_2}»: line 2 gives this SKU the id {ID_1}"),
        (f"0,,a.jpg,,,,,{ID_2}", f"photo_id «{ID_2}»: line 2 has this id already"),
        ("0,,a.jpg,yes,,,,", "is_primary «yes»: line 2 is this SKU's primary photo already"),
        ("0,OTHER NAME,a.jpg,,,,,", "name «OTHER NAME»: line 2 calls this SKU «GOOD»"),
    ],
)
def test_contradictory_lines_are_reported(photos: Path, line: str, expected: str) -> None:
    assert problem(read(photos, f"0,GOOD,b.jpg,yes,,,{ID_1},{ID_2}", line, header=WITH_IDS)) == f"line 3, {expected}"


def test_control_characters_in_a_problem_are_escaped(photos: Path) -> None:
    assert "\x1b" not in problem(read(photos, "1,SATE,\x1b[31m.jpg,,,"))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("sku,name,file,is_primary,stores", "lacks the column sort_order"),
        (HEADER + ",store", "has a column «store» (is stores meant?)"),
        (HEADER + ",sku", "has the column sku twice"),
        (HEADER + ",,x", "has a column without a name (number 7)"),
        ("", "lacks the column sku"),
    ],
)
def test_a_file_with_wrong_columns_is_refused(photos: Path, header: str, expected: str) -> None:
    with pytest.raises(UsageError) as refused:
        read(photos, "1,SATE,a.jpg,,,", header=header)
    assert expected in refused.value.message


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'1,"SATE" AYAM,a.jpg,,,', """line 3, the whole line «1,"SATE" AYAM,a.jpg,,,»: is not CSV"""),
        (b'1,"SATE,a.jpg,,,\n2,"SOTO",b.jpg,,,', "(lines 3 to 4)"),
        (b"1,CR\xc8ME,a.jpg,,,", r"line 3, name «CR\xc8ME»: is not UTF-8"),
        (b"1," + b"x" * 200_000 + b",a.jpg,,,", "line 3, the whole line «1,xxx"),
    ],
    ids=["a quote out of place", "a quote over two lines", "Latin-1", "a huge cell"],
)
def test_a_line_that_is_not_csv_is_reported_and_the_others_are_read(photos: Path, line: bytes, expected: str) -> None:
    path = photos.parent / "menu.csv"
    path.write_bytes(b"\n".join([HEADER.encode(), b"0,GOOD,b.jpg,,,", line, b"9,ALSO GOOD,b.jpg,,,", b""]))
    menu = read_menu(path, photos, store_codes=[])
    assert expected in problem(menu)
    assert [dish.sku for dish in menu.dishes] == ["0", "9"]


def test_a_missing_file_or_one_that_is_not_utf8_or_csv_is_refused(photos: Path) -> None:
    with pytest.raises(UsageError, match="not UTF-8"):
        read(photos, "1,SATE,a.jpg,,,", header=HEADER + ",Größe", encoding="latin-1")
    with pytest.raises(UsageError, match="is not UTF-16, though it begins like it"):
        read(photos, header="\ufeff" + HEADER, encoding="utf-16-le", ending="\n\udc00")
    with pytest.raises(UsageError, match="cannot be read"):
        read_menu(photos / "nowhere.csv", photos, store_codes=[])
    with pytest.raises(UsageError, match="There is no folder"):
        read_menu(photos.parent / "menu.csv", photos / "nowhere", store_codes=[])
    with pytest.raises(UsageError, match="line 2: a quote is opened there and never closed"):
        read(photos, '1,"SATE,a.jpg,,,')


@pytest.mark.parametrize(
    ("written", "sku"),
    [
        ('="05018976"', "05018976"),
        ("'05018976", "05018976"),
        ("05018976\u200b", "05018976"),
        ("\u202a05018976\u202c", "05018976"),
        ("AB\xa01", "AB 1"),
        ("CRE\u0300ME", "CRÈME"),
        ("old \u200b", "old \u200b"),
    ],
)
def test_a_sku_is_read_without_the_additions_of_a_spreadsheet(photos: Path, written: str, sku: str) -> None:
    quoted = '"' + written.replace('"', '""') + '"'
    menu = read(photos, f"{quoted},SATE,a.jpg,,,", present={"05018976": (), "old \u200b": ()})
    assert ([dish.sku for dish in menu.dishes], menu.problems) == ([sku], [])
    assert menu.read_as == ([] if written == sku else [(2, written, sku)])


@pytest.mark.parametrize("written", ["5018976", "ab-1", "AB‐1", "ＡＢ-1", "АВ-1"])
def test_a_sku_that_looks_like_another_is_asked_about(photos: Path, written: str) -> None:
    menu = read(photos, f"{written},SATE,a.jpg,,,", present={"05018976": (), "AB-1": ()})
    assert "which head office has; is that meant?" in problem(menu)
    assert menu.dishes == []


def test_a_sku_whose_plain_form_two_dishes_have_is_asked_about(photos: Path) -> None:
    menu = read(photos, "A\u200b\u200b,SATE,a.jpg,,,", present={"A": (), "A\u200b": ()})
    assert [dish.sku for dish in menu.dishes] == ["A"]
    menu = read(photos, "A\u200b\u200b,SATE,a.jpg,,,", present={"\u200bA": (), "A\u200b": ()})
    assert "is that meant?" in problem(menu)


@pytest.mark.parametrize(
    "cell", ["AVRIL-001;BDG-002", "AVRIL-001|BDG-002", '"AVRIL-001,BDG-002"', " avril-001 | BDG-002|", "A,B;C|D"]
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_store_codes_stand_between_any_of_the_usual_signs(photos: Path, cell: str, separator: str) -> None:
    codes = {"A,B", "C|D"} if cell == "A,B;C|D" else {"AVRIL-001", "BDG-002"}
    quoted = cell if '"' in cell else f'"{cell}"'
    line = separator.join(["1", "SATE", "a.jpg", "", "", quoted])
    menu = read(photos, line, header=HEADER.replace(",", separator), codes=["AVRIL-001", "BDG-002", "A,B", "C|D"])
    assert [dish.stores for dish in menu.dishes] == [codes]


def test_the_name_of_a_file_is_found_in_another_composition_or_case(photos: Path) -> None:
    for name in ("Nasi.JPG", "cre\u0300me.jpg", "Dish.jpg", "dish.JPG"):
        (photos / name).write_bytes(b"x")
    lines = (
        "1,A,nasi.jpg,,,",
        "2,B,cr\xe8me.jpg,,,",
        "3,C,WITH SPACE & u\u0308MLAUT.png,,,",
        "4,D,SUB/A.JPG,,,",
        "5,E,DISH.JPG,,,",
    )
    menu = read(photos, *lines, "6,F,dish.JPG,,,", "7,G,nasi.jpeg,,,")
    assert [[photo.source for photo in dish.photos] for dish in menu.dishes] == [
        ["Nasi.JPG"],
        ["cre\u0300me.jpg"],
        ["with space & ümlaut.png"],
        ["sub/a.jpg"],
        ["dish.JPG"],
    ]
    assert [str(one) for one in menu.problems] == [
        "line 6, file «DISH.JPG»: could be Dish.jpg or dish.JPG; write it as one of them",
        "line 8, file «nasi.jpeg»: there is no such file in PHOTOS_DIR; is Nasi.JPG meant?",
    ]


def test_a_file_in_another_spelling_stays_the_photo_that_it_was(photos: Path) -> None:
    """Identity by the spelling would send the photo of a copied folder again, as a new one."""
    (photos / "cre\u0300me.jpg").write_bytes(b"x")
    present = {"1": {"A.jpg", "crème.jpg"}}
    (dish,) = read(photos, "1,SATE,a.jpg,,,", "1,,cre\u0300me.jpg,,,", "1,,b.jpg,,,", present=present).dishes
    assert [photo.source for photo in dish.photos] == ["A.jpg", "crème.jpg", "b.jpg"]
    (photos / "A.jpg").write_bytes(b"y")
    (dish,) = read(photos, "1,SATE,a.jpg,,,", "1,,A.jpg,,,", present=present).dishes
    assert [photo.source for photo in dish.photos] == ["a.jpg", "A.jpg"]


def test_a_text_that_the_database_cannot_hold_costs_its_line(photos: Path) -> None:
    path = photos / "menu.csv"
    path.write_text(f"{HEADER}\nS-1,Soto \N{STEAMING BOWL},\nS-2,Sate,\n", encoding="utf-8")
    menu = read_menu(path, photos, store_codes=[], takes=str.isascii)
    assert [(one.line, one.column) for one in menu.problems] == [(2, "name")]
    assert "encoding" in menu.problems[0].reason
    assert [dish.sku for dish in menu.dishes] == ["S-2"]


WITH_CATEGORY = HEADER + ", Category"


def test_without_the_column_dishes_have_no_say_about_categories(photos: Path) -> None:
    assert [dish.category for dish in read(photos, "1,SATE,,,,").dishes] == [None]


def test_a_category_is_that_of_any_line_and_empty_if_none_has_one(photos: Path) -> None:
    lines = ("1,SATE,a.jpg,,,,", "1,,b.jpg,,,,'=Cre\u0300me  Sup ", "2,SOTO,,,,,", "3,BAKSO")
    menu = read(photos, *lines, header=WITH_CATEGORY)
    assert [(dish.sku, dish.category) for dish in menu.dishes] == [("1", "=Crème Sup"), ("2", ""), ("3", "")]
    assert menu.problems == []


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("x" * 101, "has 101 characters; 100 are allowed"),
        ("Minu\aman", "has a control character"),
        ("#N/A", "cannot be read on a till"),
    ],
)
def test_a_bad_category_is_named_with_line_column_and_value(photos: Path, cell: str, reason: str) -> None:
    menu = read(photos, f"1,SATE,,,,,{cell}", "2,SOTO,,,,,Kuah", header=WITH_CATEGORY)
    assert problem(menu).startswith("line 2, category «")
    assert reason in problem(menu)
    assert [dish.sku for dish in menu.dishes] == ["2"]


def test_two_categories_for_one_sku_are_a_problem_of_the_second_line(photos: Path) -> None:
    menu = read(photos, "1,SATE,,,,,", "1,,a.jpg,,,,Bakar", "1,,b.jpg,,,,Goreng", header=WITH_CATEGORY)
    assert problem(menu) == "line 4, category «Goreng»: line 3 gives this SKU the category «Bakar»"
    assert [dish.category for dish in menu.dishes] == ["Bakar"]


def test_a_bad_line_with_the_only_category_removes_no_category(photos: Path) -> None:
    """An empty cell means «none» only where no line of the dish had one."""
    lines = ("1,SATE,none.jpg,,,,Bakar", "1,SATE,a.jpg,,,,", "2,SOTO,none.jpg,,,,", "2,SOTO,a.jpg,,,,")
    menu = read(photos, *lines, header=WITH_CATEGORY)
    assert [(dish.sku, dish.category) for dish in menu.dishes] == [("1", None), ("2", "")]
