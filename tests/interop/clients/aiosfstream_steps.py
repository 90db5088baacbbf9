"""One step of an everyday aiosfstream program; prints what came of it as JSON. Usage: python ... STEP."""

import asyncio
import json
import os
import sys

import requests
from aiosfstream_ng import Client, PasswordAuthenticator, ReplayOption
from aiosfstream_ng.exceptions import AuthenticationError, ClientError, ServerError

CHANNEL = "/data/AccountChangeEvent"


class Here(PasswordAuthenticator):
    """Signs in at this org: the client knows two login hosts only, and takes no proxy."""

    @property
    def _token_url(self):
        return os.environ["BASE_URL"] + "/services/oauth2/token"


def signing_in(password=None):
    """By user name and password."""
    return Here(
        os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"], os.environ["USERNAME"], password or os.environ["PASSWORD"]
    )


def write(method, path, body):
    """What somebody else does in the org meanwhile."""
    headers = {"Authorization": "Bearer " + os.environ["TOKEN"]}
    url = os.environ["BASE_URL"] + "/services/data/v66.0/sobjects/Account" + path
    return requests.request(method, url, json=body, headers=headers, verify=os.environ["CA_FILE"], timeout=30)


async def listen():
    """Hears of a new and a changed account, leaves, and catches up on what it missed."""
    replay = {}
    heard = []
    async with Client(signing_in(), replay=replay) as client:
        await client.subscribe(CHANNEL)
        made = write("POST", "", {"Name": os.environ["WORD"]}).json()["id"]
        heard.append(await asyncio.wait_for(client.receive(), 20))
        write("PATCH", "/" + made, {"Phone": "1"})
        heard.append(await asyncio.wait_for(client.receive(), 20))
    write("PATCH", "/" + made, {"Phone": "2"})
    async with Client(signing_in(), replay=replay, replay_fallback=ReplayOption.ALL_EVENTS) as client:
        await client.subscribe(CHANNEL)
        heard.append(await asyncio.wait_for(client.receive(), 20))
    return {"made": made, "heard": [message["data"]["payload"] for message in heard]}


async def refused():
    """What a wrong password and an unknown channel come to."""
    said = []
    try:
        async with Client(signing_in("wrong")):
            pass
    except (AuthenticationError, ClientError) as fault:
        said.append(str(fault))
    async with Client(signing_in()) as client:
        try:
            await client.subscribe("/data/NothingChangeEvent")
        except ServerError as fault:
            said.append(str(fault))
    return said


print(json.dumps(asyncio.run(globals()[sys.argv[1]]())))
