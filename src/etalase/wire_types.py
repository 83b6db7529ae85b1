"""Lists the bounded types of values in the messages of reports, challenges and orders. Pure."""

from typing import Annotated

import msgspec

from etalase.protocol import MAX_INT32

Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_INT32)]
Bytes = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
# PostgreSQL has no NUL in a text.
Word = Annotated[str, msgspec.Meta(max_length=40, pattern=r"^[^\0]*\Z")]
Text = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\0]*\Z")]
Nonce = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
Md5 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
