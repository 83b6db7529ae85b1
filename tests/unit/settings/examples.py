"""Complete, valid settings of an edge, of its servers and of head office."""

SECRET = "a secret that is nobody's business"
EDGE = {
    "HO_URL": "http://ho.example:8002/",
    "HO_USERNAME": "store",
    "HO_PASSWORD": SECRET,
    "COMPANY_ID": "48917ccd-b3f6-4984-b6ed-a96d9d5c8d9b",
    "STORE_ID": "fe2d2dbf-9616-48f5-bd5b-302c087d7181",
    "S3_ENDPOINT": "http://edge_minio:9000",
    "S3_ACCESS_KEY": "an access key",
    "S3_SECRET_KEY": SECRET,
    "S3_PUBLIC_URL": "http://10.0.0.5:9000",
}
SERVER = {
    "DATABASE_URL": "postgresql://edge:" + SECRET + "@db/edge",
    "BROKER_URL": "redis://broker",
    "SECRET_KEY": SECRET * 2,
    "ALLOWED_HOSTS": "edge.local",
}
HEAD_OFFICE = {
    "DATABASE_URL": "postgresql://ho:" + SECRET + "@db/ho",
    "SECRET_KEY": SECRET * 2,
    "ALLOWED_HOSTS": "ho.example, 10.0.0.1",
    "S3_ENDPOINT": "http://minio:9000",
    "S3_ACCESS_KEY": "an access key",
    "S3_SECRET_KEY": SECRET,
    "S3_PUBLIC_URL": "http://ho.example:9000",
}
