"""The guide's sample code, steps 1 to 5, with urllib in the place of requests."""

import hashlib
import json
from io import BytesIO
from urllib.request import ProxyHandler, Request, build_opener

from celery import shared_task
from django.conf import settings

from sync_api.edge_minio import ensure_bucket

opener = build_opener(ProxyHandler({}))


def post(path, body, headers=None):
    request = Request(
        f"{settings.HO_API_URL}{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **(headers or {})},
    )
    with opener.open(request, timeout=30) as response:
        return json.load(response)


def get_jwt_token():
    return post("/api/v1/token/", {"username": settings.HO_USERNAME, "password": settings.HO_PASSWORD})["access"]


def download_and_verify_image(photo_data):
    image_url = photo_data["image_url"]
    expected_checksum = photo_data["checksum"]
    expected_size = photo_data["size"]

    try:
        # Download image dari HO MinIO
        with opener.open(image_url, timeout=30) as response:
            image_bytes = response.read()

        # Verify file size
        if len(image_bytes) != expected_size:
            print(f"Size mismatch: expected {expected_size}, got {len(image_bytes)}")
            return None

        # Verify checksum (MD5)
        actual_checksum = hashlib.md5(image_bytes).hexdigest()
        if actual_checksum != expected_checksum:
            print(f"Checksum mismatch: expected {expected_checksum}, got {actual_checksum}")
            return None

        return image_bytes

    except Exception as e:
        print(f"Failed to download {image_url}: {e}")
        return None


def upload_to_edge_minio(photo_data, image_bytes):
    object_key = photo_data["object_key"]  # Gunakan object_key yang sama
    try:
        # Upload ke Edge MinIO
        ensure_bucket().put_object(
            Bucket=settings.EDGE_MINIO_BUCKET,
            Key=object_key,
            Body=BytesIO(image_bytes),
            ContentType=photo_data["content_type"],
        )
        return object_key

    except Exception as e:
        print(f"Failed to upload {object_key}: {e}")
        return None


def save_product_photo_to_edge(photo_data, edge_object_key):
    from products.models import Product, ProductPhoto

    try:
        # Check if product exists di Edge
        product = Product.objects.get(id=photo_data["product_id"])

        # Create or update photo record
        photo, created = ProductPhoto.objects.update_or_create(
            id=photo_data["id"],
            defaults={
                "product": product,
                "object_key": edge_object_key,  # Local edge MinIO path
                "filename": photo_data["filename"],
                "size": photo_data["size"],
                "content_type": photo_data["content_type"],
                "checksum": photo_data["checksum"],
                "version": photo_data["version"],
                "is_primary": photo_data["is_primary"],
                "sort_order": photo_data["sort_order"],
            },
        )
        return photo

    except Product.DoesNotExist:
        print(f"Product {photo_data['product_id']} not found in Edge database")
        return None
    except Exception as e:
        print(f"Failed to save photo metadata: {e}")
        return None


def sync(company_id, store_id):
    """
    Complete sync process: HO API → Download → Edge MinIO → Edge DB
    """
    # 1. Get JWT token
    token = get_jwt_token()

    # 2. Fetch photos from HO API
    offset = 0
    limit = 100
    has_more = True

    success_count = 0
    failed_count = 0

    while has_more:
        data = post(
            "/api/v1/sync/product-photos/",
            {"company_id": company_id, "store_id": store_id, "limit": limit, "offset": offset},
            {"Authorization": f"Bearer {token}"},
        )
        photos = data["photos"]
        has_more = data["has_more"]

        # Process each photo
        for photo_data in photos:
            # 3. Download from HO MinIO
            image_bytes = download_and_verify_image(photo_data)
            if not image_bytes:
                failed_count += 1
                continue

            # 4. Upload to Edge MinIO
            edge_object_key = upload_to_edge_minio(photo_data, image_bytes)
            if not edge_object_key:
                failed_count += 1
                continue

            # 5. Save metadata to Edge DB
            if save_product_photo_to_edge(photo_data, edge_object_key):
                success_count += 1
            else:
                failed_count += 1

        # Move to next page
        if has_more:
            offset = data["next_offset"]

    print("\n=== Sync Complete ===")
    print(f"Success: {success_count}")
    print(f"Failed: {failed_count}")
    return success_count, failed_count


@shared_task
def sync_product_photos(company_id=None, store_id=None):
    return sync(company_id or settings.COMPANY_ID, store_id or settings.STORE_ID)


@shared_task
def sync_product_photos_full():
    return sync(settings.COMPANY_ID, settings.STORE_ID)
