"""A flow platform's receiver, as its own page shows one with FastAPI: what is missing raises, and becomes 500."""

import logging

from fastapi import FastAPI, HTTPException, Request

app = FastAPI()


@app.post("/webhook")
async def webhook(request: Request):
    try:
        payload = await request.json()
        event, session = payload.get("event"), payload.get("session_id")
        if event in ("flow.start", "flow.end"):
            print(event, payload["session_id"], flush=True)
        elif event in ("technology.start", "technology.end"):
            print(event, session, payload["data"]["technology_code"], flush=True)
        return {"status": "success"}
    except Exception as error:
        logging.exception("a webhook could not be handled")
        raise HTTPException(status_code=500, detail=str(error))
