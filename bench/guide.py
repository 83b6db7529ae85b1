"""Runs the guide's algorithm, step by step as in its sample code: ``python guide.py THREADS``.

It uses the guide's clients (requests without a session, MinIO's own), pages of 100 photos, and one ORM call per row. In its
favour, the products exist already, and the threads live for the whole run instead of one page.
"""

import hashlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
from minio import Minio

LIMIT = 100
TIMEOUT_SECONDS = 30
BUCKET = os.environ["ETALASE_S3_BUCKET"]
HO_API_URL = os.environ["ETALASE_HO_URL"]

edge_minio = Minio(
    urlsplit(os.environ["ETALASE_S3_ENDPOINT"]).netloc,
    access_key=os.environ["ETALASE_S3_ACCESS_KEY"],
    secret_key=os.environ["ETALASE_S3_SECRET_KEY"],
    secure=False,
)


def main(threads: int) -> int:
    """Runs the guide's ``sync_product_photos``; returns the exit status, 0 if all photos are stored."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "etalase.settings.django_edge"
    import django

    django.setup()
    token = get_jwt_token()
    offset, has_more = 0, True
    success_count = failed_count = 0
    with ThreadPoolExecutor(max_workers=threads) as executor:
        while has_more:
            response = requests.post(
                f"{HO_API_URL}/api/v1/sync/product-photos/",
                headers={"Authorization": f"Bearer {token}"},
                json={
                    "company_id": os.environ["ETALASE_COMPANY_ID"],
                    "store_id": os.environ["ETALASE_STORE_ID"],
                    "limit": LIMIT,
                    "offset": offset,
                },
                timeout=TIMEOUT_SECONDS,
            )
            response.raise_for_status()
            data = response.json()
            has_more = data["has_more"]
            # One thread is the guide's plain loop.
            each = executor.map if threads > 1 else map
            for done in each(process_single_photo, data["photos"]):
                success_count += done
                failed_count += not done
            offset = data["next_offset"]
    sys.stdout.write(f"\n=== Sync Complete ===\nSuccess: {success_count}\nFailed: {failed_count}\n")
    return 1 if failed_count else 0


def get_jwt_token() -> str:
    """Logs in, as the guide's edge does at each run."""
    answer = requests.post(
        f"{HO_API_URL}/api/v1/token/",
        json={"username": os.environ["ETALASE_HO_USERNAME"], "password": os.environ["ETALASE_HO_PASSWORD"]},
        timeout=TIMEOUT_SECONDS,
    )
    answer.raise_for_status()
    return str(answer.json()["access"])


def process_single_photo(photo_data: dict[str, Any]) -> bool:
    """Does steps 2 to 4 for one photo; returns whether it is stored."""
    image_bytes = download_and_verify_image(photo_data)
    if not image_bytes:
        return False
    edge_object_key = upload_to_edge_minio(photo_data, image_bytes)
    return save_product_photo_to_edge(photo_data, edge_object_key)


def download_and_verify_image(photo_data: dict[str, Any]) -> bytes | None:
    """Does step 2: returns the bytes, or None if size or checksum are wrong."""
    response = requests.get(photo_data["image_url"], timeout=TIMEOUT_SECONDS)
    response.raise_for_status()
    image_bytes: bytes = response.content
    if len(image_bytes) != photo_data["size"]:
        return None
    if hashlib.md5(image_bytes).hexdigest() != photo_data["checksum"]:
        return None
    sys.stdout.write(f"✓ Downloaded and verified: {photo_data['filename']}\n")
    return image_bytes


def upload_to_edge_minio(photo_data: dict[str, Any], image_bytes: bytes) -> str:
    """Does step 3: puts the object; returns its key."""
    object_key = str(photo_data["object_key"])
    edge_minio.put_object(
        bucket_name=BUCKET,
        object_name=object_key,
        data=BytesIO(image_bytes),
        length=len(image_bytes),
        content_type=photo_data["content_type"],
    )
    sys.stdout.write(f"✓ Uploaded to Edge MinIO: {object_key}\n")
    return object_key


def save_product_photo_to_edge(photo_data: dict[str, Any], edge_object_key: str) -> bool:
    """Does step 4: writes the row; returns whether the product exists."""
    from etalase.edge.models import Product, ProductPhoto

    try:
        product = Product.objects.get(id=photo_data["product_id"])
    except Product.DoesNotExist:
        return False
    photo, created = ProductPhoto.objects.update_or_create(
        id=photo_data["id"],
        defaults={
            "product": product,
            "object_key": edge_object_key,
            "filename": photo_data["filename"],
            "size": photo_data["size"],
            "content_type": photo_data["content_type"],
            "checksum": photo_data["checksum"],
            "version": photo_data["version"],
            "is_primary": photo_data["is_primary"],
            "sort_order": photo_data["sort_order"],
        },
    )
    sys.stdout.write(f"✓ {'Created' if created else 'Updated'} photo record: {photo.id}\n")
    return True


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
