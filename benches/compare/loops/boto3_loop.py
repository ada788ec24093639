"""The same script where the places are pipelines: get, edit, update, by boto3. One client for all threads."""

import sys

import boto3
import botocore.config

import common
import requests_loop

client = boto3.session.Session().client(
    "codepipeline", region_name="eu-central-1", endpoint_url=sys.argv[1],
    aws_access_key_id="AKIAFAKE", aws_secret_access_key="fake",
    config=botocore.config.Config(max_pool_connections=64),
)


def turn(world, places, name, user, number, token):
    new = requests_loop.issue(world, name, user)
    for place in range(places):
        pipeline = client.get_pipeline(name=f"{name}-{place}")["pipeline"]
        pipeline["stages"][0]["actions"][0]["configuration"]["OAuthToken"] = new
        client.update_pipeline(pipeline=pipeline)
    requests_loop.revoke(world, number)


if __name__ == "__main__":
    common.run(turn)
