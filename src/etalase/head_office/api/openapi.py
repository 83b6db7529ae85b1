"""Describes the responses for the OpenAPI document. The views do not serialize with these classes: a test compares the two."""

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from etalase.protocol import DIGEST_PREFERENCE
from etalase.renditions import RENDITIONS_PREFERENCE

Nothing = dict[str, object]


class Failure(serializers.Serializer[Nothing]):
    """An error; a wrong field of the request is beside ``detail``, with a list of reasons."""

    detail = serializers.CharField()


class TokensAnswer(serializers.Serializer[Nothing]):
    """Tokens of an account."""

    access = serializers.CharField(help_text="For 60 minutes.")
    refresh = serializers.CharField(help_text="For 30 days, to be used once.")


class RenditionAnswer(serializers.Serializer[Nothing]):
    """A small picture of a photo, cut to the shape of a tile around the focal point."""

    width = serializers.IntegerField(help_text="Pixels.")
    height = serializers.IntegerField(help_text="Pixels.")
    object_key = serializers.CharField(help_text="Names photo, MD5 and width; its bytes never change.")
    size = serializers.IntegerField(help_text="Bytes.")
    checksum = serializers.CharField(help_text="MD5 of the bytes, in hex.")
    content_type = serializers.ChoiceField(["image/jpeg", "image/webp"])
    image_url = serializers.URLField(help_text="Readable without credentials.")


class FocalPointAnswer(serializers.Serializer[Nothing]):
    """The point that renditions are cut around, as shares of the upright photo."""

    x = serializers.FloatField(help_text="Of the width, from the left.")
    y = serializers.FloatField(help_text="Of the height, from the top.")


class PhotoAnswer(serializers.Serializer[Nothing]):
    """A photo that the store shows."""

    id = serializers.UUIDField()
    product_id = serializers.UUIDField()
    product_sku = serializers.CharField()
    product_name = serializers.CharField()
    object_key = serializers.CharField(help_text="The photo's for life, but for its extension.")
    filename = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes.")
    content_type = serializers.ChoiceField(["image/jpeg", "image/png", "image/webp"])
    checksum = serializers.CharField(help_text="MD5 of the bytes, in hex.")
    version = serializers.IntegerField(help_text="Rises by one whenever the bytes change.")
    is_primary = serializers.BooleanField()
    sort_order = serializers.IntegerField()
    updated_at = serializers.DateTimeField()
    image_url = serializers.URLField(help_text="Readable without credentials; ?v= is the beginning of the checksum.")
    renditions = RenditionAnswer(
        many=True,
        required=False,
        help_text="Only where preferred: of exactly these bytes, by width. Empty until made.",
    )
    focal_point = FocalPointAnswer(required=False, help_text="Only where preferred.")
    thumbhash = serializers.CharField(
        required=False, allow_null=True, help_text="Only where preferred: a ThumbHash in base64. Null without renditions."
    )


class ProductAnswer(serializers.Serializer[Nothing]):
    """A product that the store sells."""

    id = serializers.UUIDField()
    sku = serializers.CharField()
    name = serializers.CharField()
    category = serializers.CharField(allow_blank=True, help_text="Empty for a product without one.")
    updated_at = serializers.DateTimeField()


class StoreAnswer(serializers.Serializer[Nothing]):
    """A store that the account may read."""

    id = serializers.UUIDField()
    code = serializers.CharField()
    name = serializers.CharField()
    company_id = serializers.UUIDField()
    company_name = serializers.CharField()


class FilterAnswer(serializers.Serializer[Nothing]):
    """The requested company and store."""

    company_id = serializers.UUIDField()
    store_id = serializers.UUIDField()


class StoreIdentityAnswer(serializers.Serializer[Nothing]):
    """The store of the page."""

    id = serializers.UUIDField()
    code = serializers.CharField()
    name = serializers.CharField()


class EnvelopeAnswer(serializers.Serializer[Nothing]):
    """The fields of every page."""

    sync_timestamp = serializers.DateTimeField(help_text="The updated_since of the next run: take the first page's.")
    total = serializers.IntegerField(help_text="All that the store has, changed or not.")
    has_more = serializers.BooleanField()
    next_offset = serializers.IntegerField(allow_null=True, help_text="The next page's offset; null on the last page.")


class FeedEnvelopeAnswer(EnvelopeAnswer):
    """The further fields of a page of a store's feed."""

    deleted_ids = serializers.ListField(child=serializers.UUIDField())
    filter = FilterAnswer()
    store = StoreIdentityAnswer()
    full = serializers.BooleanField(
        required=False, help_text="Only where true: updated_since could not be honoured, this is the full set."
    )


class PhotoPageAnswer(FeedEnvelopeAnswer):
    """A page of photos."""

    photos = PhotoAnswer(many=True)
    products_changed_at = serializers.CharField(
        allow_null=True, help_text="Differs from what it was: /sync/products/ has something new. Compare, do not order."
    )
    digest = serializers.CharField(
        required=False, help_text="Only where preferred, on the first page: the digest of all photos that the store has."
    )
    rendition_digest = serializers.CharField(
        required=False, help_text="Only where both are preferred, on the first page: the digest of all renditions of the store."
    )
    challenges = serializers.ListField(child=serializers.JSONField(), required=False, help_text="Only with a report.")
    orders = serializers.ListField(child=serializers.JSONField(), required=False, help_text="Only with a report.")
    report_sequence = serializers.IntegerField(
        required=False, help_text="Only with a report: the greatest number known of this instance."
    )
    faults_wanted = serializers.BooleanField(
        required=False, help_text="Only with a report: the faults that faults_hash means are not known here."
    )


class ProductPageAnswer(FeedEnvelopeAnswer):
    """A page of products."""

    products = ProductAnswer(many=True)


class StorePageAnswer(EnvelopeAnswer):
    """A page of stores."""

    stores = StoreAnswer(many=True)


prefer = OpenApiParameter(
    "Prefer",
    location=OpenApiParameter.HEADER,
    description=f"`{DIGEST_PREFERENCE}`: add the digest of all photos that the store has. `{RENDITIONS_PREFERENCE}`: add the "
    "renditions of each photo, and list a photo whose renditions changed. Both, separated by a comma (RFC 7240): add the "
    "digest of the renditions, too.",
)

REFUSALS = {
    400: OpenApiResponse(Failure, "A field is missing or wrong, or the body is not JSON."),
    401: OpenApiResponse(Failure, "No token, or one that has expired, was revoked or is not ours."),
    406: OpenApiResponse(Failure, "`Accept` leaves no room for JSON."),
    413: OpenApiResponse(Failure, "The body is too large."),
    415: OpenApiResponse(Failure, "The body is not application/json."),
    503: OpenApiResponse(Failure, "The database does not answer."),
}
_TOKENS = {200: TokensAnswer, **REFUSALS}
login = {
    **_TOKENS,
    400: OpenApiResponse(Failure, "`username` or `password` is missing or too long, or the body is not JSON."),
    401: OpenApiResponse(Failure, "No active account has this user name and this password."),
    429: OpenApiResponse(Failure, "Too many failed logins. `Retry-After` says when the next is looked at."),
    503: OpenApiResponse(Failure, "The database does not answer, or many passwords are being checked: see `Retry-After`."),
}
refresh = {
    **_TOKENS,
    400: OpenApiResponse(Failure, "`refresh` is missing or too long, or the body is not JSON."),
    401: OpenApiResponse(Failure, "The token has expired, was used before or revoked, or is not ours: log in again."),
}
UNKNOWN = {404: OpenApiResponse(Failure, "No such store, or somebody else's: the same answer.")}
photos = {200: PhotoPageAnswer, **REFUSALS, **UNKNOWN}
products = {200: ProductPageAnswer, **REFUSALS, **UNKNOWN}
stores = {200: StorePageAnswer, **REFUSALS}
# A request with a query has no body that could be too large or of another type.
stores_by_query = {status: answer for status, answer in stores.items() if status not in {413, 415}}
