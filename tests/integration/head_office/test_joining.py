"""Joining by a code: invitations, their one use over HTTP, the throttle, and the end of accounts."""

import csv
import json
import secrets
import stat
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import connection
from django.test import Client
from django.utils import timezone
from tests.integration.head_office.conftest import forget_settings
from tests.integration.head_office.office import Office
from tests.integration.head_office.test_commands import run

from etalase.head_office.api.tokens import AccessToken
from etalase.head_office.audit_models import AuditEntry
from etalase.head_office.invitation_models import Invitation, WrongCode
from etalase.head_office.joining import throttle
from etalase.head_office.models import Account, Assortment, Company, Store
from etalase.joining import new_code, new_nonce, parse_code

pytestmark = pytest.mark.urls("etalase.head_office.urls")
JOIN, TOKEN, REFRESH, PHOTOS = "/api/v1/join/", "/api/v1/token/", "/api/v1/token/refresh/", "/api/v1/sync/product-photos/"


def post(path: str, body: Any, *, token: str = "", address: str = "192.0.2.1") -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return Client().post(path, json.dumps(body), content_type="application/json", REMOTE_ADDR=address, headers=headers)


def join(code: str, nonce: str | None = None, *, address: str = "192.0.2.1", **more: Any) -> Any:
    return post(JOIN, {"code": code, "nonce": nonce or new_nonce(), **more}, address=address)


def invited(*stores: str) -> list[str]:
    """Returns new codes of the stores, in their order."""
    made = {row["store"]: row["code"] for row in run("ho_invite", *stores)["invitations"]}
    return [made[store] for store in stores]


def actions() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.order_by("id").values_list("action", "object_name"))


def test_a_code_gives_one_machine_an_account_of_its_own_that_reads_the_feed(office: Office) -> None:
    office.photo(office.product())
    (code,) = invited("AVRIL-001")
    answer = join(code.lower())
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    joined = answer.json()
    assert (joined["company_id"], joined["store_id"]) == (str(office.company.id), str(office.store.id))
    assert (joined["store_code"], joined["store_name"]) == ("AVRIL-001", "AVR-SUNDA")
    assert joined["image_origins"] == ["http://127.0.0.1:1"]
    assert (joined["time_zone"], joined["schedule"]) == (None, None)
    account = Account.objects.get(username=joined["username"])
    assert (account.store, account.is_staff, account.is_superuser) == (office.store, False, False)
    login = post(TOKEN, {"username": joined["username"], "password": joined["password"]}).json()
    ids = {"company_id": joined["company_id"], "store_id": joined["store_id"]}
    assert len(post(PHOTOS, ids, token=login["access"]).json()["photos"]) == 1
    assert Account.objects.get(username="avril").is_active  # people made it
    assert actions() == [("invited", "AVRIL-001 AVR-SUNDA"), ("joined", "AVRIL-001 AVR-SUNDA")]
    entry = AuditEntry.objects.get(action="joined")
    assert (entry.username, entry.address, entry.company_id) == (joined["username"], "192.0.2.1", office.company.id)


def test_neither_database_nor_audit_has_a_code_or_password(office: Office) -> None:
    (code,) = invited("AVRIL-001")
    nonce = new_nonce()
    password = join(code, nonce).json()["password"]
    with connection.cursor() as cursor:
        for table in ("head_office_invitation", "head_office_audit", "head_office_wrong_code", "head_office_account"):
            cursor.execute(f'SELECT "{table}"::text FROM "{table}"')
            rows = str(cursor.fetchall())
            assert not [secret for secret in (code, parse_code(code), nonce, password) if secret in rows]


def test_only_the_same_machine_may_ask_again_and_only_for_an_hour(office: Office) -> None:
    (code,) = invited("AVRIL-001")
    nonce = new_nonce()
    first, again = join(code, nonce).json(), join(code, nonce).json()
    assert again["username"] == first["username"]
    assert again["password"] != first["password"]
    assert post(TOKEN, {"username": first["username"], "password": first["password"]}).status_code == 401
    assert post(TOKEN, {"username": first["username"], "password": again["password"]}).status_code == 200
    assert join(code).status_code == 403
    Invitation.objects.update(used_at=timezone.now() - timedelta(hours=1, seconds=1))
    assert join(code, nonce).status_code == 403


def test_wrong_used_expired_and_revoked_codes_get_the_same_answer(office: Office) -> None:
    (used,) = invited("AVRIL-001")
    join(used)
    (revoked,) = invited("AVRIL-001")
    run("ho_invite", "AVRIL-001", "--revoke")
    (replaced,) = invited("AVRIL-001")
    (expired,) = invited("AVRIL-001")
    Invitation.objects.filter(revoked_at=None, used_at=None).update(expires_at=timezone.now())
    answers = [join(code) for code in (new_code(), used, revoked, replaced, expired)]
    assert {(answer.status_code, answer.content) for answer in answers} == {(403, answers[0].content)}
    assert Account.objects.filter(store=office.store).count() == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "code"),
        ({"code": "K7QF-M2XR-9TWA", "nonce": new_nonce()}, "code"),
        ({"code": 7, "nonce": new_nonce()}, "code"),
        ({"code": "A" * 65, "nonce": new_nonce()}, "code"),
        ({"code": new_code()}, "nonce"),
        ({"code": new_code(), "nonce": "short"}, "nonce"),
        ({"code": new_code(), "nonce": "\0" * 30}, "nonce"),
        ({"code": new_code(), "nonce": new_nonce(), "store_id": "x"}, "store_id"),
    ],
)
def test_a_malformed_question_gets_400_with_the_field_and_counts_for_nothing(
    office: Office, body: dict[str, Any], field: str
) -> None:
    answer = post(JOIN, body)
    assert answer.status_code == 400
    assert field in answer.json()
    assert not WrongCode.objects.exists()


def test_a_machine_of_another_store_does_not_use_the_code_up(office: Office) -> None:
    (code,) = invited("AVRIL-001")
    other = office.another_store()
    assert join(code, store_id=str(other.id)).status_code == 409
    assert join(code, store_id=str(office.store.id)).status_code == 200


def test_two_machines_at_once_get_one_account(office: Office) -> None:
    (code,) = invited("AVRIL-001")
    statuses: list[int] = []

    def one() -> None:
        try:
            statuses.append(join(code).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 403]
    assert Account.objects.filter(store=office.store).count() == 2


def test_the_next_machine_of_a_store_ends_the_one_before(office: Office) -> None:
    (code,) = invited("AVRIL-001")
    first = join(code).json()
    tokens = post(TOKEN, {"username": first["username"], "password": first["password"]}).json()
    ids = {"company_id": first["company_id"], "store_id": first["store_id"]}
    (code,) = invited("AVRIL-001")
    assert post(PHOTOS, ids, token=tokens["access"]).status_code == 200  # an invitation alone ends nothing
    assert join(code).status_code == 200
    assert post(PHOTOS, ids, token=tokens["access"]).status_code == 401
    assert AuditEntry.objects.filter(action="joined").latest("id").details["ended"] == [first["username"]]


def test_a_revoked_store_is_refused_from_the_next_request_on(office: Office) -> None:
    (used,) = invited("AVRIL-001")
    nonce = new_nonce()
    joined = join(used, nonce).json()
    tokens = post(TOKEN, {"username": joined["username"], "password": joined["password"]}).json()
    ids = {"company_id": joined["company_id"], "store_id": joined["store_id"]}
    (code,) = invited("AVRIL-001")
    elsewhere = Account.objects.create_user("bandung", password="another", store=office.another_store())
    assert run("ho_revoke", "avril-001")["stores"] == [
        {"store": "AVRIL-001", "accounts": sorted(["avril", joined["username"]])}
    ]
    assert post(PHOTOS, ids, token=tokens["access"]).status_code == 401
    assert post(REFRESH, {"refresh": tokens["refresh"]}).status_code == 401
    assert post(TOKEN, {"username": joined["username"], "password": joined["password"]}).status_code == 401
    assert join(code).status_code == join(used, nonce).status_code == 403
    elsewhere.refresh_from_db()
    assert elsewhere.is_active
    assert run("ho_revoke", "AVRIL-001")["stores"] == [{"store": "AVRIL-001", "accounts": []}]
    boss = Account.objects.create_superuser("boss", password="a boss's own password")
    fleet = Client().get("/api/v1/fleet/stores/", headers={"Authorization": f"Bearer {AccessToken.for_user(boss)}"}).json()
    assert {row["code"]: row["state"] for row in fleet["stores"]} == {"AVRIL-001": "revoked", "BDG-002": "never"}
    assert ("accounts_revoked", "AVRIL-001 AVR-SUNDA") in actions()
    (code,) = invited("AVRIL-001")
    assert join(code).status_code == 200


# Throttle


def test_an_address_with_many_wrong_codes_waits_and_others_do_not(office: Office) -> None:
    (code,) = invited("AVRIL-001")
    for _ in range(throttle.CODES_OF_AN_ADDRESS):
        assert join(new_code()).status_code == 403
    locked = join(code)
    assert locked.status_code == 429
    assert 0 < int(locked.headers["Retry-After"]) <= 900
    assert join(code, address="192.0.2.2").status_code == 200
    WrongCode.objects.update(at=timezone.now() - throttle.WINDOW)
    assert join(new_code()).status_code == 403
    assert WrongCode.objects.count() == 1


def test_a_machine_that_repeats_one_expired_code_locks_out_nobody_behind_its_address(office: Office) -> None:
    (code,) = invited("AVRIL-001")
    expired = new_code()
    for _ in range(throttle.CODES_OF_AN_ADDRESS + 5):
        join(expired)
    assert join(code).status_code == 200


def test_wrong_codes_from_many_addresses_count_together(office: Office) -> None:
    (code,) = invited("AVRIL-001")
    now = timezone.now()
    WrongCode.objects.bulk_create(
        WrongCode(address=f"198.51.{n // 250}.{n % 250}", code_hash=secrets.token_hex(32), at=now)
        for n in range(throttle.CODES_OVERALL)
    )
    assert join(code, address="192.0.2.9").status_code == 429
    WrongCode.objects.update(at=now + timedelta(days=1))  # a clock that was ahead
    assert join(code, address="192.0.2.9").status_code == 200


# Commands


def test_all_stores_of_one_company_or_of_every_company_are_invited(office: Office) -> None:
    office.another_store()
    other = Company.objects.create(name="Elsewhere")
    Store.objects.create(company=other, code="AVRIL-001", name="Namesake")
    rows = run("ho_invite", "--all", "--company", "FoodLife")["invitations"]
    assert [(row["company"], row["store"], row["has_account"]) for row in rows] == [
        ("FoodLife", "AVRIL-001", True),
        ("FoodLife", "BDG-002", False),
    ]
    rows = run("ho_invite", "--all")["invitations"]
    assert [(row["company"], row["store"]) for row in rows] == [
        ("Elsewhere", "AVRIL-001"),
        ("FoodLife", "AVRIL-001"),
        ("FoodLife", "BDG-002"),
    ]
    assert {entry.company_id for entry in AuditEntry.objects.all()} == {office.company.id, other.id}
    answer = join(rows[0]["code"]).json()
    assert answer["company_id"] == str(other.id)


def test_a_table_of_stores_is_read_and_codes_go_to_a_file_of_its_owner(office: Office, tmp_path: Path) -> None:
    office.another_store()
    table, out = tmp_path / "stores.csv", tmp_path / "codes.csv"
    table.write_text("Opening in December\r\nname;Store\r\nSunda;avril-001\r\nBandung;BDG-002\r\n")
    result = run("ho_invite", "--csv", str(table), "--csv-out", str(out))
    assert "code" not in result["invitations"][0]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    rows = list(csv.DictReader(out.read_text("utf-8-sig").splitlines()))
    assert [row["store"] for row in rows] == ["AVRIL-001", "BDG-002"]
    assert join(rows[1]["code"]).json()["store_code"] == "BDG-002"
    with pytest.raises(CommandError, match="exists already"):
        run("ho_invite", "AVRIL-001", "--csv-out", str(out))
    assert Invitation.objects.count() == 2


def test_the_list_shows_the_newest_invitation_of_each_store_with_its_state(office: Office) -> None:
    assert run("ho_invite", "--list")["invitations"] == []
    office.another_store()
    invited("AVRIL-001")
    (code, _) = invited("AVRIL-001", "BDG-002")
    joined = join(code).json()
    rows = run("ho_invite", "--list")["invitations"]
    assert [(row["store"], row["state"], row["account"]) for row in rows] == [
        ("AVRIL-001", "used", joined["username"]),
        ("BDG-002", "open", None),
    ]
    assert rows[0]["invited_by"].endswith("(command)")
    assert run("ho_invite", "BDG-002", "--revoke")["revoked"] == ["BDG-002"]
    assert run("ho_invite", "BDG-002", "--revoke")["revoked"] == []
    assert [row["state"] for row in run("ho_invite", "BDG-002", "--list")["invitations"]] == ["revoked"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "No store is named"),
        (("AVRIL-001", "--all"), "several ways"),
        (("NOWHERE", "AVRIL-001"), "has no store «NOWHERE»"),
        (("--all", "--company", "Nowhere"), "no company «Nowhere»"),
        (("--csv", "/nowhere.csv"), "cannot be read"),
        (("--revoke",), "No store is named"),
        (("--list", "--csv-out", "x"), "for new codes"),
    ],
)
def test_wrong_arguments_are_named_and_invite_nobody(office: Office, arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(CommandError, match=told) as refused:
        run("ho_invite", *arguments)
    assert refused.value.returncode == 2
    assert not Invitation.objects.exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [("name\nx\n", "no column «store»"), ("store\n", "names no store"), ("store,name\n,x\n", "line 2: the store is empty")],
)
def test_a_table_without_stores_is_refused_with_its_line(office: Office, tmp_path: Path, text: str, told: str) -> None:
    table = tmp_path / "stores.csv"
    table.write_text(text)
    with pytest.raises(CommandError, match=told):
        run("ho_invite", "--csv", str(table))


def test_time_zone_and_schedule_come_from_the_settings(office: Office, settings: Any) -> None:
    update = {"STORE_TIME_ZONE": "Asia/Makassar", "STORE_BANDWIDTH": "06:00,512k 23:00,off", "STORE_FULL_RUN": "off-peak"}
    settings.ETALASE_HEAD_OFFICE = settings.ETALASE_HEAD_OFFICE.model_copy(update=update)
    forget_settings()
    try:
        (code,) = invited("AVRIL-001")
        joined = join(code).json()
    finally:
        forget_settings()
    assert joined["time_zone"] == "Asia/Makassar"
    assert joined["schedule"] == {"bandwidth": "06:00,512k 23:00,off", "full_run": "off-peak"}


def test_a_store_and_an_account_with_invitations_can_be_deleted_by_sql(office: Office) -> None:
    (code,) = invited("AVRIL-001")
    username = join(code).json()["username"]
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM head_office_token_family")
        cursor.execute("DELETE FROM head_office_account WHERE username = %s", [username])
    assert Invitation.objects.get().account_id is None
    Account.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM head_office_store")
    assert not Invitation.objects.exists()


# What a new store sells


def test_a_new_store_sells_all_or_what_another_sells_or_says_that_it_sells_nothing(office: Office) -> None:
    office.product("1")
    office.product("2", sold_in=[])
    other = Company.objects.create(name="Elsewhere")
    assert run("ho_create_store", "A", "A", "--company", "FoodLife")["sells"] == 0
    assert run("ho_create_store", "A", "A", "--company", "FoodLife", "--like", "avril-001")["sells"] == 1
    assert run("ho_create_store", "B", "B", "--company", "FoodLife", "--sells", "all")["sells"] == 2
    assert run("ho_create_store", "B", "B", "--company", "FoodLife", "--sells", "all")["sells"] == 2
    assert run("ho_create_store", "B", "B", "--company", "FoodLife", "--like", "A")["sells"] == 2  # nothing is taken away
    assert run("ho_create_store", "C", "C", "--company", "Elsewhere", "--sells", "all")["sells"] == 0
    with pytest.raises(CommandError, match="has no store NOWHERE"):
        run("ho_create_store", "D", "D", "--company", "FoodLife", "--like", "NOWHERE")
    assert not Store.objects.filter(code="D").exists()
    assert not Assortment.objects.filter(store__company=other).exists()
