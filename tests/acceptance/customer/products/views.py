from django.conf import settings
from django.http import Http404, JsonResponse

from products.models import Product, ProductPhoto


def get_product_image_url(product_id):
    """
    Get image URL untuk display di POS
    Returns URL dari Edge MinIO (local, cepat)
    """
    try:
        # Get primary photo
        photo = ProductPhoto.objects.get(product_id=product_id, is_primary=True)

        # Generate Edge MinIO URL
        edge_minio_url = f"{settings.EDGE_MINIO_ENDPOINT}/{settings.EDGE_MINIO_BUCKET}/{photo.object_key}"

        # Add cache-busting
        cache_param = photo.checksum[:8] if photo.checksum else photo.version
        return f"{edge_minio_url}?v={cache_param}"

    except ProductPhoto.DoesNotExist:
        # Return default placeholder image
        return "/static/images/no-image.png"


def product_image(request, product_id):
    product = Product.objects.filter(id=product_id).first()
    if product is None:
        raise Http404
    return JsonResponse({"image_url": get_product_image_url(product_id), "product_name": product.name})
