"""The guide's Edge MinIO client, with boto3 in the place of the minio package."""

import json

import boto3
from botocore.exceptions import ClientError
from django.conf import settings


def edge_minio():
    return boto3.client(
        "s3",
        endpoint_url=settings.EDGE_MINIO_ENDPOINT,
        aws_access_key_id=settings.EDGE_MINIO_ACCESS_KEY,
        aws_secret_access_key=settings.EDGE_MINIO_SECRET_KEY,
        region_name="us-east-1",
    )


def policy(bucket_name):
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": ["*"]},
                "Action": ["s3:GetObject"],
                "Resource": [f"arn:aws:s3:::{bucket_name}/*"],
            }
        ],
    }


def ensure_bucket():
    client, bucket_name = edge_minio(), settings.EDGE_MINIO_BUCKET
    try:
        client.head_bucket(Bucket=bucket_name)
    except ClientError:
        client.create_bucket(Bucket=bucket_name)
        # Set public read policy
        client.put_bucket_policy(Bucket=bucket_name, Policy=json.dumps(policy(bucket_name)))
    return client
