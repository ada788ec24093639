"""The usual script: issue, write every place, revoke. One session a thread."""

import threading

import requests

import common

own = threading.local()


def session():
    if not hasattr(own, "session"):
        own.session = requests.Session()
        own.session.trust_env = False
    return own.session


def ask(method, address, **more):
    answer = session().request(method, address, timeout=30, **more)
    answer.raise_for_status()
    return answer


def issue(world, name, user):
    body = {"name": name, "scopes": ["read_repository"], "expires_at": "2099-01-01"}
    address = f"{world}api/v4/users/{user}/personal_access_tokens"
    return ask("POST", address, json=body, headers={"PRIVATE-TOKEN": common.KEY}).json()["token"]


def revoke(world, number):
    ask("DELETE", f"{world}api/v4/personal_access_tokens/{number}", headers={"PRIVATE-TOKEN": common.KEY})


def turn(world, places, name, user, number, token):
    new = issue(world, name, user)
    for place in range(places):
        ask("PUT", f"{world}places/{name}/{place}", json={"token": new})
    revoke(world, number)


if __name__ == "__main__":
    common.run(turn)
