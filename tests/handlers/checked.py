"""FastAPI handler for Standard Webhooks, correct unless FAULT names a fault.

GET /effects returns the number of side effects. While the file BROKEN exists, the handler simulates an unavailable
database.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import time
import traceback

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse

FAULT = os.environ.get("FAULT", "")
KEY = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))
app = FastAPI()
done = set()
effects = 0


@app.get("/effects")
async def count():
    return PlainTextResponse(str(effects))


def holds(message, header):
    due = base64.b64encode(hmac.new(KEY, message, hashlib.sha256).digest()).decode()
    given = header.split(" ")[: 1 if FAULT == "first" else 20]
    if FAULT == "throws":
        raw = base64.b64decode(due)
        return any(base64.b64decode(part[3:], validate=True) == raw for part in given if part.startswith("v1,"))
    return any(hmac.compare_digest(part[3:].encode(), due.encode()) for part in given if part.startswith("v1,"))


@app.post("/webhook")
async def webhook(request: Request):
    global effects
    body = await request.body()
    if FAULT == "redirect":
        return RedirectResponse("/elsewhere", status_code=308)
    identity, stamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
    if FAULT == "slow":
        await asyncio.sleep(1.5)
    signed = body
    if FAULT == "parsed":
        try:
            signed = json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False).encode()
        except ValueError:
            pass
    message = f"{identity}.{stamp}.".encode() + signed
    if FAULT != "unverified" and not holds(message, request.headers.get("webhook-signature", "")):
        return Response(status_code=401)
    if FAULT == "nan":
        try:
            stamp = float(stamp)
        except ValueError:
            stamp = float("nan")
        if abs(time.time() - stamp) > 300:
            return Response(status_code=401)
    elif FAULT not in ("expired-timestamp", "unverified"):
        if not (stamp.isascii() and stamp.isdigit()) or abs(time.time() - int(stamp)) > 300:
            return Response(status_code=401)
    try:
        event = json.loads(body)
    except ValueError:
        if FAULT == "trace":
            return PlainTextResponse(traceback.format_exc(), status_code=500)
        return Response(status_code=400)
    if not isinstance(event, dict):
        return Response(status_code=400)
    if event.get("type") != "user.created":
        return Response(status_code={"unknown": 500, "gone": 410}.get(FAULT, 204))
    if FAULT == "strict" and set(event) - {"type", "timestamp", "data"}:
        return Response(status_code=422)
    if os.path.exists(os.environ.get("BROKEN", "/nowhere")):
        return Response(status_code=200) if FAULT == "swallow" else Response(status_code=503, headers={"Retry-After": "5"})
    if FAULT == "silent":
        return Response(status_code=200)
    repeated = identity in done
    if FAULT == "racy":
        await asyncio.sleep(0.03)
    done.add(identity)
    if not repeated or FAULT == "twice":
        effects += 1
    headers = {"X-Debug": os.environ["WEBHOOK_SECRET"]} if FAULT == "leaky" else {}
    return Response(status_code=200, headers=headers)
