"""The customer's settings with Etalase: what docs/COMING_FROM_THE_GUIDE.md says to add.

The variables choose among the states in which a project may be found; none of them is a setting of Etalase.
"""

import os

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS, STATIC_URL

_ours = ["etalase.edge", "etalase.edge.pos"]
if os.environ.get("CUSTOMER_RETIRED_SYNC_API"):
    INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "sync_api"]
INSTALLED_APPS = [*_ours, *INSTALLED_APPS] if os.environ.get("CUSTOMER_ETALASE_FIRST") else [*INSTALLED_APPS, *_ours]
ROOT_URLCONF = os.environ.get("CUSTOMER_URLCONF", "config.urls_etalase")

ETALASE_PRODUCT_MODEL = "products.Product"
ETALASE = {
    "HO_URL": os.environ["ETALASE_HO_URL"],
    "HO_USERNAME": os.environ["ETALASE_HO_USERNAME"],
    "HO_PASSWORD": os.environ["ETALASE_HO_PASSWORD"],
    "COMPANY_ID": os.environ["ETALASE_COMPANY_ID"],
    "STORE_ID": os.environ["ETALASE_STORE_ID"],
    "S3_ENDPOINT": os.environ["ETALASE_S3_ENDPOINT"],
    "S3_PUBLIC_URL": os.environ["ETALASE_S3_PUBLIC_URL"],
    "S3_ACCESS_KEY": os.environ["ETALASE_S3_ACCESS_KEY"],
    "S3_SECRET_KEY": os.environ["ETALASE_S3_SECRET_KEY"],
    "S3_BUCKET": os.environ["ETALASE_S3_BUCKET"],
    "RENDITIONS": os.environ["ETALASE_RENDITIONS"],
    "SCHEDULE_OFFSET_MINUTES": os.environ.get("ETALASE_SCHEDULE_OFFSET_MINUTES", "0"),
}

for _name, _value in os.environ.items():  # any other setting, as a JSON text: CUSTOMER_SET_USE_TZ=false
    if _name.startswith("CUSTOMER_SET_"):
        import json

        globals()[_name.removeprefix("CUSTOMER_SET_")] = json.loads(_value)
