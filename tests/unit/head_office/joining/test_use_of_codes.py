"""Which use a machine can make of a code, as a table of times."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from etalase.head_office.invitation_models import Invitation
from etalase.head_office.joining.invitations import InvitationState, state_of
from etalase.head_office.joining.redeeming import CodeUse, use_of

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(days=7), NOW - timedelta(seconds=1)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("given", "use", "state"),
    [
        ({}, CodeUse.FIRST, InvitationState.OPEN),
        ({"expires_at": NOW}, CodeUse.NONE, InvitationState.EXPIRED),
        ({"expires_at": EARLIER}, CodeUse.NONE, InvitationState.EXPIRED),
        ({"revoked_at": EARLIER}, CodeUse.NONE, InvitationState.REVOKED),
        ({"used_at": EARLIER, "nonce_hash": "mine"}, CodeUse.AGAIN, InvitationState.USED),
        # An expired code that was used in time is still repeated.
        ({"used_at": EARLIER, "nonce_hash": "mine", "expires_at": NOW}, CodeUse.AGAIN, InvitationState.USED),
        ({"used_at": NOW - HOUR + timedelta(seconds=1), "nonce_hash": "mine"}, CodeUse.AGAIN, InvitationState.USED),
        ({"used_at": NOW - HOUR, "nonce_hash": "mine"}, CodeUse.NONE, InvitationState.USED),
        ({"used_at": EARLIER, "nonce_hash": "theirs"}, CodeUse.NONE, InvitationState.USED),
        ({"used_at": EARLIER, "nonce_hash": "mine", "revoked_at": NOW}, CodeUse.NONE, InvitationState.USED),
    ],
)
def test_the_use_of_a_code_follows_from_times_and_nonce(given: dict[str, Any], use: CodeUse, state: InvitationState) -> None:
    invitation = Invitation(**{"expires_at": LATER, **given})
    assert use_of(invitation, "mine", NOW) is use
    assert state_of(invitation, NOW) is state
