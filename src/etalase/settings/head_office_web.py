"""Lists head office's Django settings that do not depend on the environment."""

from datetime import timedelta
from typing import Any

FIXED: dict[str, Any] = {
    "AUTH_USER_MODEL": "head_office.Account",
    "INSTALLED_APPS": [
        "etalase.head_office",
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django.contrib.staticfiles",
        "axes",
        "rest_framework",
        "drf_spectacular",
        "drf_spectacular_sidecar",
    ],
    "MIDDLEWARE": [
        "etalase.head_office.metrics.requests.counted_requests",
        "django.middleware.security.SecurityMiddleware",
        "etalase.head_office.middleware.content_security_policy",
        "etalase.head_office.middleware.uncached_api",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
        "etalase.head_office.api.compression.compressed_feed",
        "etalase.head_office.api.quick.quick_pages",
        "whitenoise.middleware.WhiteNoiseMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "etalase.head_office.middleware.AdminLanguage",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "axes.middleware.AxesMiddleware",
        "etalase.head_office.middleware.PageErrors",
    ],
    "AUTHENTICATION_BACKENDS": [
        "axes.backends.AxesStandaloneBackend",
        "etalase.head_office.login_throttle.BoundedLogin",
        # Never used for a login; sessions of earlier releases name it.
        "django.contrib.auth.backends.ModelBackend",
    ],
    # The next login rehashes a password of an earlier release.
    "PASSWORD_HASHERS": ["etalase.head_office.login_throttle.Argon2", "django.contrib.auth.hashers.PBKDF2PasswordHasher"],
    "TEMPLATES": [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    # For the admin and the commands alike (head_office.accounts).
    "AUTH_PASSWORD_VALIDATORS": [
        {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
        {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
        {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
        {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
        {"NAME": "etalase.head_office.passwords.PublishedPasswordValidator"},
        {"NAME": "etalase.head_office.passwords.GuessablePasswordValidator"},
    ],
    # The admin uses the browser's language, or the one chosen on its page; the API uses English (middleware.AdminLanguage).
    "USE_I18N": True,
    "LANGUAGE_CODE": "en",
    "LANGUAGES": [("id", "Bahasa Indonesia"), ("en", "English")],
    # After ten failures for one account from one address, that pair alone is locked out for 15 minutes, so that a stranger
    # locks out neither a neighbour behind the same NAT nor the store itself (hazards 52 and 57). The handler adds a limit for
    # an address that guesses the passwords of many accounts.
    "AXES_HANDLER": "etalase.head_office.login_throttle.Throttle",
    "AXES_FAILURE_LIMIT": 10,
    "AXES_COOLOFF_TIME": timedelta(minutes=15),
    "AXES_LOCKOUT_PARAMETERS": [["username", "ip_address"]],
    "AXES_RESET_ON_SUCCESS": True,
    "AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT": False,
    "AXES_DISABLE_ACCESS_LOG": True,
    "AXES_LOCKOUT_CALLABLE": "etalase.head_office.middleware.locked_out",
    "AXES_CLIENT_IP_CALLABLE": "etalase.head_office.login_throttle.client_address",
    "AXES_VERBOSE": False,
    "REST_FRAMEWORK": {
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_PARSER_CLASSES": ["etalase.head_office.api.parsers.JsonParser"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
        "EXCEPTION_HANDLER": "etalase.head_office.api.responses.explain",
        "UNAUTHENTICATED_USER": None,
    },
    "SIMPLE_JWT": {
        "ACCESS_TOKEN_LIFETIME": timedelta(minutes=60),
        "REFRESH_TOKEN_LIFETIME": timedelta(days=30),
        "AUTH_TOKEN_CLASSES": ("etalase.head_office.api.tokens.AccessToken",),
        # A changed password revokes every token issued for the old one.
        "CHECK_REVOKE_TOKEN": True,
    },
    "SPECTACULAR_SETTINGS": {
        "TITLE": "Etalase head office",
        "DESCRIPTION": "The sync API that the stores' edge servers speak. See docs/PRODUCT_PHOTO_SYNC_API_REFERENCE.md.",
        "VERSION": "1",
        "SERVE_INCLUDE_SCHEMA": False,
        "SERVE_AUTHENTICATION": [],
        "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
        "SWAGGER_UI_DIST": "SIDECAR",
        "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
        "COMPONENT_SPLIT_REQUEST": True,
    },
    # For the admin's forms without their files; the API has its own, smaller limit (MAX_REQUEST_BYTES).
    "DATA_UPLOAD_MAX_MEMORY_SIZE": 2 * 1024 * 1024,
    "DATA_UPLOAD_MAX_NUMBER_FIELDS": 20_000,
    "WHITENOISE_USE_FINDERS": True,
    "SECURE_CONTENT_TYPE_NOSNIFF": True,
    "SECURE_REFERRER_POLICY": "same-origin",
    "X_FRAME_OPTIONS": "DENY",
    "CSRF_FAILURE_VIEW": "etalase.head_office.middleware.forbidden",
}
